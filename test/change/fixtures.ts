import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { planChange } from "../../src/change/plan.ts";
import { queryFor } from "../../src/change/query.ts";
import { Templates } from "../../src/change/templates.ts";
import type { Result } from "../../src/kernel/failure.ts";
import { bitsPerSecond } from "../../src/kernel/units.ts";
import { canonicalXml, escapeXml, parseXml } from "../../src/kernel/xml.ts";
import type { ChangePlan } from "../../src/model/change.ts";
import type { Decision, PrependChange } from "../../src/model/decision.ts";
import type { Device, Link, Network, Platform } from "../../src/model/inventory.ts";

const folder = fileURLToPath(new URL("../../device-templates/", import.meta.url));

export const templateFiles: ReadonlyMap<string, string> = new Map(
  ["openconfig", "frr", "linux-srv6", "linux-htb"].flatMap((platform) =>
    readdirSync(join(folder, platform)).map((name) => [
      `${platform}/${name}`,
      readFileSync(join(folder, platform, name), "utf8"),
    ]),
  ),
);
export const templates = new Templates(templateFiles);

export function device(platform: Platform, name = "edge-a"): Device {
  return { name, platform, management: { host: "127.0.0.1", port: 22, username: "pointsman", hostKey: "SHA256:none" } };
}

export function link(name: string, exportPolicy: string, neighbor = "192.0.2.1", on = "edge-a"): Link {
  const bgp = { neighbor, exportPolicy };
  return { name, device: on, interface: "eth1", role: "transit", capacity: bitsPerSecond(1e9), bgp };
}

export const prefixes = ["10.0.0.0/24", "11.0.0.0/24", "12.0.0.0/24", "2001:db8::/32"];

export function network(devices: readonly Device[], links: readonly Link[], allowed = prefixes): Network {
  const telemetry = { intervalMs: 10_000 };
  return {
    as: 65_000,
    devices,
    links,
    prefixes: allowed,
    classes: [],
    flows: [],
    telemetry,
    freezes: [],
    anycast: [],
    shedWebhooks: [],
  };
}

/** The planner looks only at a decision's changes. */
export const decide = (...changes: PrependChange[]) => ({ action: "bgp-prepend", changes }) as unknown as Decision;

export function prepend(prefix: string, from: number, to: number, on = "transit-a", name = "edge-a"): PrependChange {
  return { action: "bgp-prepend", device: name, link: on, prefix, from, to };
}

/** The plan for one device from one reading. */
export function plan(net: Network, router: Device, text: string, ...changes: PrependChange[]): Result<ChangePlan> {
  const query = queryFor(templates, net, router);
  return planChange(templates, net, decide(...changes), new Map([[router.name, { query, text }]]));
}

export function unwrap<T>(result: Result<T>): T {
  if (!result.ok) expect.fail(`${result.failure.code}: ${result.failure.message}`);
  return result.value;
}

/** One statement of a policy as both platforms can write it; `set` is what the prefix set holds. */
export type Shape = Readonly<{ set: readonly string[]; accept: boolean; prepends: number; community?: boolean }>;
export type Policies = Readonly<Record<string, readonly Shape[]>>;

/** What `read` gives for such policies, prefix sets and all. */
export function reading(platform: Platform, policies: Policies): string {
  return platform === "frr" ? frrReading(policies) : openconfigReading(policies);
}

export function canonical(...elements: string[]): string {
  return elements.map((each) => canonicalXml(parseXml(each))).join("");
}

function openconfigReading(policies: Policies): string {
  const sets: string[] = [];
  const definitions = Object.entries(policies).map(([policy, statements]) => {
    const all = statements.map(({ set, accept, prepends, community }, index) => {
      const name = escapeXml(`${policy}-${index}`);
      sets.push(prefixSet(name, set));
      const prepend = `<set-as-path-prepend><config><asn>65000</asn><repeat-n>${prepends}</repeat-n></config></set-as-path-prepend>`;
      const bgp = `<bgp-actions xmlns="http://openconfig.net/yang/bgp-policy">
        ${community ? "<config><set-med>5</set-med></config>" : ""}${prepends > 0 ? prepend : ""}</bgp-actions>`;
      return `<statement><name>${name}</name><config><name>${name}</name></config>
        <conditions><match-prefix-set><config><prefix-set>${name}</prefix-set><match-set-options>ANY</match-set-options></config></match-prefix-set></conditions>
        <actions><config><policy-result>${accept ? "ACCEPT_ROUTE" : "REJECT_ROUTE"}</policy-result></config>${bgp}</actions></statement>`;
    });
    const name = `<name>${escapeXml(policy)}</name>`;
    return `<policy-definition>${name}<config>${name}</config><statements>${all.join("")}</statements></policy-definition>`;
  });
  return canonical(`<routing-policy xmlns="http://openconfig.net/yang/routing-policy">
    <defined-sets><prefix-sets>${sets.join("")}</prefix-sets></defined-sets>
    <policy-definitions>${definitions.join("")}</policy-definitions></routing-policy>`);
}

/** `range` after a prefix is its mask length range, as in `11.0.0.0/8 16..24`. */
export function prefixSet(name: string, set: readonly string[]): string {
  const entries = set.map((text) => {
    const [prefix = "", range = "exact"] = text.split(" ");
    const key = `<ip-prefix>${prefix}</ip-prefix><masklength-range>${range}</masklength-range>`;
    return `<prefix>${key}<config>${key}</config></prefix>`;
  });
  return `<prefix-set><name>${name}</name><config><name>${name}</name></config><prefixes>${entries.join("")}</prefixes></prefix-set>`;
}

function frrReading(policies: Policies): string {
  const lists: string[] = [];
  const maps = Object.entries(policies).flatMap(([policy, statements]) =>
    statements.flatMap(({ set, accept, prepends, community }, index) => {
      const name = `${policy}-${index}`;
      const family = set.some((prefix) => prefix.includes(":")) ? "ipv6" : "ip";
      lists.push(...set.map((prefix, at) => `${family} prefix-list ${name} seq ${at * 5 + 5} permit ${prefix}`));
      return [
        `route-map ${policy} ${accept ? "permit" : "deny"} ${index * 10 + 10}`,
        ` match ${family} address prefix-list ${name}`,
        ...(prepends > 0 ? [` set as-path prepend${" 65000".repeat(prepends)}`] : []),
        ...(community ? [" set metric 5"] : []),
        "exit",
      ];
    }),
  );
  return [...lists, ...maps].map((line) => `${line}\n`).join("");
}
