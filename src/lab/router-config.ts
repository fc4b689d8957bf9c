import { escapeXml } from "../kernel/xml.ts";
import type { ScenarioLink } from "./inbound-scenario.ts";

/** The children of `<config>` that a router of the scenario starts with: a statement for each prefix it announces. */
export function routerConfig(link: ScenarioLink, as: number): string {
  const prefixes = Object.entries(link.announced);
  return `
<routing-policy xmlns="http://openconfig.net/yang/routing-policy">
  <defined-sets><prefix-sets>${prefixes.map(([prefix]) => prefixSet(prefix)).join("")}
  </prefix-sets></defined-sets>
  <policy-definitions><policy-definition>
    <name>${escapeXml(link.exportPolicy)}</name>
    <config><name>${escapeXml(link.exportPolicy)}</name></config>
    <statements>${prefixes.map(([prefix, prepends]) => statement(prefix, prepends, as)).join("")}
    </statements>
  </policy-definition></policy-definitions>
</routing-policy>`;
}

const nameOf = (prefix: string) => escapeXml(`own-${prefix.replace("/", "-")}`);

function prefixSet(prefix: string): string {
  const key = `<ip-prefix>${escapeXml(prefix)}</ip-prefix><masklength-range>exact</masklength-range>`;
  return `
    <prefix-set>
      <name>${nameOf(prefix)}</name>
      <config><name>${nameOf(prefix)}</name></config>
      <prefixes><prefix>${key}<config>${key}</config></prefix></prefixes>
    </prefix-set>`;
}

function statement(prefix: string, prepends: number, as: number): string {
  const prepend = `
          <bgp-actions xmlns="http://openconfig.net/yang/bgp-policy">
            <set-as-path-prepend><config><repeat-n>${prepends}</repeat-n><asn>${as}</asn></config></set-as-path-prepend>
          </bgp-actions>`;
  return `
      <statement>
        <name>${nameOf(prefix)}</name>
        <config><name>${nameOf(prefix)}</name></config>
        <conditions><match-prefix-set><config>
          <prefix-set>${nameOf(prefix)}</prefix-set><match-set-options>ANY</match-set-options>
        </config></match-prefix-set></conditions>
        <actions>
          <config><policy-result>ACCEPT_ROUTE</policy-result></config>${prepends > 0 ? prepend : ""}
        </actions>
      </statement>`;
}
