import { base } from "./netconf-fixture.ts";

export const netInst = "http://openconfig.net/yang/network-instance";
export const pfSrte = "http://openconfig.net/yang/policy-forwarding/sr-te";

type Rule = Readonly<{
  sequence: number;
  endpoint: string;
  color: number;
  preference: number;
  sids: readonly number[];
}>;

/** Written as the server writes it. */
export const ruleXml = ({ sequence, endpoint, color, preference, sids }: Rule) =>
  `<rule><sequence-id>${sequence}</sequence-id><config><sequence-id>${sequence}</sequence-id></config><action><segment-lists xmlns="${pfSrte}"><segment-list><index>1</index><config><index>1</index><weight>1</weight></config><sids>${sids
    .map(
      (sid, index) => `<sid><index>${index}</index><config><index>${index}</index><value>${sid}</value></config></sid>`,
    )
    .join(
      "",
    )}</sids></segment-list></segment-lists></action><srte xmlns="${pfSrte}"><config><srte-endpoint>${endpoint}</srte-endpoint><srte-color>${color}</srte-color><srte-preference>${preference}</srte-preference></config></srte></rule>`;

/** An edit of what stands inside `<policies>` of the default network instance. */
export const policiesEdit = (inside: string) =>
  `<network-instances xmlns="${netInst}" xmlns:nc="${base}"><network-instance><name>DEFAULT</name><policy-forwarding><policies>${inside}</policies></policy-forwarding></network-instance></network-instances>`;

/** A policy of this name; `rules` is the content of `<rules>`. */
export const policyXml = (name: string, rules: string, operation = "") =>
  `<policy${operation}><policy-id>${name}</policy-id><config><policy-id>${name}</policy-id></config>${rules && `<rules>${rules}</rules>`}</policy>`;
