import { expect, test } from "vitest";
import { parseXml } from "../../src/kernel/xml.ts";
import { routerConfig } from "../../src/lab/router-config.ts";
import { announcements } from "../../src/lab/routing-policy.ts";
import { twoTransits } from "../../src/lab/scenarios/two-transits.ts";

const prefixes = ["10.0.0.0/24", "11.0.0.0/24", "12.0.0.0/24"];

test.each(twoTransits.links)("$device announces at the start what the scenario says", (link) => {
  const running = parseXml(`<config>${routerConfig(link, 65000)}</config>`);
  expect(Object.fromEntries(announcements(running, link.exportPolicy, prefixes))).toEqual(link.announced);
});

function policy(
  sets: Record<string, [string, string][]>,
  statements: { set?: string; result: string; repeat?: number }[],
) {
  const set = ([name, entries]: [string, [string, string][]]) =>
    `<prefix-set><name>${name}</name><prefixes>${entries
      .map(
        ([ip, range]) =>
          `<prefix><config><ip-prefix>${ip}</ip-prefix><masklength-range>${range}</masklength-range></config></prefix>`,
      )
      .join("")}</prefixes></prefix-set>`;
  const conditions = (name: string) =>
    `<conditions><match-prefix-set><config><prefix-set>${name}</prefix-set></config></match-prefix-set></conditions>`;
  const prepend = (n: number) =>
    `<bgp-actions><set-as-path-prepend><config><repeat-n>${n}</repeat-n></config></set-as-path-prepend></bgp-actions>`;
  return parseXml(`<config><routing-policy>
    <defined-sets><prefix-sets>${Object.entries(sets).map(set).join("")}</prefix-sets></defined-sets>
    <policy-definitions><policy-definition><name>OUT</name><statements>${statements
      .map(
        ({ set, result, repeat }) => `<statement>${set ? conditions(set) : ""}<actions><config>
        <policy-result>${result}</policy-result></config>${repeat ? prepend(repeat) : ""}</actions></statement>`,
      )
      .join("")}</statements></policy-definition></policy-definitions></routing-policy></config>`);
}

test("the first matching statement decides: rejected or unmatched is not announced", () => {
  const running = policy({ TEN: [["10.0.0.0/24", "exact"]], ELEVEN: [["11.0.0.0/24", "exact"]] }, [
    { set: "TEN", result: "REJECT_ROUTE" },
    { set: "ELEVEN", result: "ACCEPT_ROUTE", repeat: 2 },
    { set: "TEN", result: "ACCEPT_ROUTE" },
    { set: "ELEVEN", result: "ACCEPT_ROUTE" },
  ]);
  expect([...announcements(running, "OUT", prefixes)]).toEqual([["11.0.0.0/24", 2]]);
  expect([...announcements(running, "ABSENT", prefixes)]).toEqual([]);
});

test("a mask-length range covers longer prefixes inside it, and a statement without conditions covers all", () => {
  const running = policy({ WIDE: [["10.0.0.0/7", "16..24"]] }, [
    { set: "WIDE", result: "ACCEPT_ROUTE", repeat: 1 },
    { result: "ACCEPT_ROUTE" },
  ]);
  expect([...announcements(running, "OUT", [...prefixes, "10.1.0.0/25", "2001:db8::/32"])]).toEqual([
    ["10.0.0.0/24", 1],
    ["11.0.0.0/24", 1],
    ["12.0.0.0/24", 0],
    ["10.1.0.0/25", 0],
    ["2001:db8::/32", 0],
  ]);
});
