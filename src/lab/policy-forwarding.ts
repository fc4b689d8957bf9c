import { descend, elements, textOf, type XmlElement } from "../kernel/xml.ts";

/** One candidate path as a router has it configured; `sids` are what it pushes, first to be followed first. */
export type SegmentRoutingRule = Readonly<{
  endpoint: string;
  color: number;
  preference: number;
  sids: readonly string[];
}>;

/**
 * The segment-routing rules in a running configuration, whoever wrote them: `policy-forwarding` of
 * openconfig-network-instance, augmented by openconfig-pf-srte. A rule that matches no color and endpoint steers nothing.
 */
export function segmentRoutingRules(running: XmlElement): readonly SegmentRoutingRule[] {
  return all(running, "network-instances", "network-instance")
    .flatMap((instance) => all(instance, "policy-forwarding", "policies", "policy"))
    .flatMap((policy) => all(policy, "rules", "rule"))
    .flatMap((rule) => {
      const match = (name: string) => leaf(rule, "srte", "config", name);
      const [endpoint, color] = [match("srte-endpoint"), match("srte-color")];
      if (endpoint === undefined || color === undefined) return [];
      return [
        { endpoint, color: Number(color), preference: Number(match("srte-preference") ?? 0), sids: sidsOf(rule) },
      ];
    });
}

function sidsOf(rule: XmlElement): readonly string[] {
  return all(rule, "action", "segment-lists", "segment-list")
    .flatMap((list) => all(list, "sids", "sid"))
    .map((sid) => ({ index: Number(leaf(sid, "index")), value: leaf(sid, "config", "value") ?? "" }))
    .sort((a, b) => a.index - b.index)
    .map(({ value }) => value);
}

/** The elements of that name that stand under `path`. */
function all(from: XmlElement, ...path: string[]): XmlElement[] {
  const name = path.at(-1);
  const parent = descend(from, ...path.slice(0, -1));
  return parent ? elements(parent).filter((child) => child.name === name) : [];
}

function leaf(from: XmlElement, ...path: string[]): string | undefined {
  const element = descend(from, ...path);
  return element && textOf(element).trim();
}
