import { entriesAt, leafAt, type XmlElement } from "../kernel/xml.ts";

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
  return entriesAt(running, "network-instances", "network-instance")
    .flatMap((instance) => entriesAt(instance, "policy-forwarding", "policies", "policy"))
    .flatMap((policy) => entriesAt(policy, "rules", "rule"))
    .flatMap((rule) => {
      const match = (name: string) => leafAt(rule, "srte", "config", name);
      const [endpoint, color] = [match("srte-endpoint"), match("srte-color")];
      if (endpoint === undefined || color === undefined) return [];
      return [
        { endpoint, color: Number(color), preference: Number(match("srte-preference") ?? 0), sids: sidsOf(rule) },
      ];
    });
}

function sidsOf(rule: XmlElement): readonly string[] {
  return entriesAt(rule, "action", "segment-lists", "segment-list")
    .flatMap((list) => entriesAt(list, "sids", "sid"))
    .map((sid) => ({ index: Number(leafAt(sid, "index")), value: leafAt(sid, "config", "value") ?? "" }))
    .sort((a, b) => a.index - b.index)
    .map(({ value }) => value);
}
