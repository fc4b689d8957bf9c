/**
 * The children of `<config>` that a backbone router starts with: its network instance, and a segment-routing policy that
 * its operators wrote by hand. That one's color is no flow's here; nobody else may touch it.
 */
export const backboneConfig = `
<network-instances xmlns="http://openconfig.net/yang/network-instance"><network-instance>
  <name>DEFAULT</name>
  <config><name>DEFAULT</name></config>
  <policy-forwarding><policies><policy>
    <policy-id>operators-own</policy-id>
    <config><policy-id>operators-own</policy-id></config>
    <rules><rule>
      <sequence-id>10</sequence-id>
      <config><sequence-id>10</sequence-id></config>
      <srte xmlns="http://openconfig.net/yang/policy-forwarding/sr-te"><config>
        <srte-endpoint>10.255.0.1</srte-endpoint><srte-color>900</srte-color><srte-preference>50</srte-preference>
      </config></srte>
      <action><segment-lists xmlns="http://openconfig.net/yang/policy-forwarding/sr-te"><segment-list>
        <index>1</index><config><index>1</index><weight>1</weight></config>
        <sids><sid><index>0</index><config><index>0</index><value>16001</value></config></sid></sids>
      </segment-list></segment-lists></action>
    </rule></rules>
  </policy></policies></policy-forwarding>
</network-instance></network-instances>`;
