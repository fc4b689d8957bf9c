import fc from "fast-check";
import { expect, test } from "vitest";
import { bitsPerSecond, ratio } from "../../src/kernel/units.ts";
import type { AnycastChange, AnycastDecision } from "../../src/model/decision.ts";
import type { RpkiAccess } from "../../src/model/inventory.ts";
import type { RouteOrigins, Vrp } from "../../src/model/route-origins.ts";
import { judgeGuards } from "../support/untouched.ts";
import * as sites from "../te/anycast-sites.ts";
import * as transits from "../te/two-transits.ts";
import { a, announce, b, decisionOf, nowMs, prepend } from "../te/two-transits.ts";

type Input = Parameters<typeof judgeGuards>[0];
const nothing = { steering: [], qos: [], drained: [], changesInFlight: [], touchedMs: [] };
const common = { ...nothing, switches: { frozen: null, killed: null }, phase: "push", nowMs } as const;
const rpki = (requireValid = false): RpkiAccess => ({ caches: [{ host: "127.0.0.1", port: 323 }], requireValid });
const said = (vrps: readonly Vrp[], expiresMs = nowMs + 1): RouteOrigins => ({
  ...{ cache: "rpki 127.0.0.1:323", vrps, measuredMs: nowMs - 60_000, expiresMs },
});
const vrp = (prefix: string, as: number, maxLength = 24): Vrp => ({ prefix, maxLength, as });

const moving: Input = {
  ...common,
  policy: transits.policyOf(),
  network: transits.network,
  state: transits.peak,
  decision: decisionOf([prepend("11.0.0.0/24", a, 0, 3)]),
  announcements: transits.announcements,
  sites: [],
};

const drained = sites.announcedAs({ "transit-p1": "drained", "transit-p2": "drained" });
function sitesInput(changes: readonly AnycastChange[], announced = sites.announcedAs()): Input {
  const costPerHour = { before: 0, after: 0, currency: "" };
  const predicted = { links: [], flows: [], costPerHour, moved: bitsPerSecond(0), movedShare: ratio(0) };
  const about = { intent: sites.intent, reason: "", predicted, alternatives: [] };
  const decision: AnycastDecision = { action: "anycast-drain", changes, ...about };
  const facts = { announcements: [], sites: announced, decision };
  return { ...common, ...facts, policy: sites.policy, network: sites.network, state: sites.stateOf() };
}
const step = (from: AnycastChange["from"], to: AnycastChange["to"]) => [
  sites.siteChange("transit-p1", from, to),
  sites.siteChange("transit-p2", from, to),
];

/** With a cache that said so; undefined: it has not said anything. */
function withRpki(input: Input, origins: RouteOrigins | undefined, requireValid = false): Input {
  const network = { ...input.network, rpki: rpki(requireValid) };
  return { ...input, network, state: { ...input.state, ...(origins ? { routeOrigins: origins } : {}) } };
}

const ours = ["no-more-specifics", "rpki-data", "rpki", "prepended-everywhere", "drained-everywhere"];
const finding = (input: Input, name: string) => judgeGuards(input).find(({ guard }) => guard === name);
const denials = (input: Input) =>
  judgeGuards(input).flatMap(({ guard, allow }) => (ours.includes(guard) && !allow ? [guard] : []));

// Goal: without a cache nothing is validated, and the guards say so.
test("no RPKI cache is configured", () => {
  expect(denials(moving)).toEqual([]);
  expect(finding(moving, "rpki")?.reason).toBe("no RPKI cache is configured");
  expect(finding(moving, "rpki-data")?.reason).toBe("no RPKI cache is configured");
});

// Goal: every answer of RFC 6811, and none, judged on the prefix that the change announces; no data is never fine.
test.each<[string, RouteOrigins | undefined, boolean, readonly string[], string]>([
  ["valid", said([vrp("11.0.0.0/24", 65000)]), true, [], "11.0.0.0/24 is RPKI-valid"],
  ["not found", said([vrp("10.0.0.0/24", 1)]), false, [], "11.0.0.0/24 is not found in the RPKI"],
  [
    "not found, and asked for",
    said([vrp("10.0.0.0/24", 1)]),
    true,
    ["rpki"],
    "no VRP covers 11.0.0.0/24, and rpki.requireValid asks for one",
  ],
  [
    "another's",
    said([vrp("11.0.0.0/24", 1)]),
    false,
    ["rpki"],
    "11.0.0.0/24 from AS 65000 is RPKI-invalid: VRPs name AS 1 for 11.0.0.0/24 to /24",
  ],
  [
    "too long",
    said([vrp("11.0.0.0/8", 65000, 23)]),
    false,
    ["rpki"],
    "11.0.0.0/24 from AS 65000 is RPKI-invalid: VRPs name AS 65000 for 11.0.0.0/8 to /23",
  ],
  [
    "nobody's",
    said([vrp("11.0.0.0/8", 0, 32)]),
    false,
    ["rpki"],
    "11.0.0.0/24 from AS 65000 is RPKI-invalid: VRPs name nobody for 11.0.0.0/8 to /32",
  ],
  ["silence", undefined, false, ["rpki-data"], "nothing is known to be invalid, as nothing is known"],
  [
    "expired, and invalid when it was not",
    said([vrp("11.0.0.0/24", 1)], nowMs),
    false,
    ["rpki-data"],
    "nothing is known to be invalid, as nothing is known",
  ],
])("origin: %s", (_, origins, requireValid, expected, reason) => {
  const input = withRpki(moving, origins, requireValid);
  expect(denials(input)).toEqual([...expected]);
  expect(finding(input, "rpki")?.reason).toBe(reason);
});

test("how old the data is, and when it ended", () => {
  const words = (origins: RouteOrigins | undefined) => finding(withRpki(moving, origins), "rpki-data")?.reason;
  expect(words(said([]))).toBe("rpki 127.0.0.1:323 was synchronised 60 s ago");
  expect(words(said([], nowMs - 5_000))).toBe(
    "what rpki 127.0.0.1:323 said expired 5 s ago, and no data is never fine",
  );
  expect(words(undefined)).toBe("no RPKI cache has been synchronised, and no data is never fine");
});

// Goal: a site goes out whatever the RPKI says or does not say, and comes back only where its prefix may be announced.
test.each<[string, RouteOrigins | undefined]>([
  ["rpki", said([vrp("192.0.2.0/24", 1)])],
  ["rpki-data", undefined],
])("sites: %s", (guard, origins) => {
  const judge = (from: AnycastChange["from"], to: AnycastChange["to"], announced = drained) =>
    denials(withRpki(sitesInput(step(from, to), announced), origins));
  expect(judge("announced", "drained", sites.announcedAs())).toEqual([]);
  expect(judge("drained", "withdrawn")).toEqual([]);
  expect(judge("drained", "announced")).toEqual([guard]);
  expect(judge("withdrawn", "drained")).toEqual([guard]);
});

// Goal: a more specific of ours is told from any other stranger, whether it is to be changed or stands on a router; a listed one is fine.
test("no more-specifics", () => {
  const within = (...prefixes: string[]): Input => ({ ...moving, network: transits.networkOf([a, b], prefixes) });
  expect(finding(within("10.0.0.0/24", "11.0.0.0/16", "12.0.0.0/24"), "no-more-specifics")).toEqual({
    guard: "no-more-specifics",
    allow: false,
    reason: "11.0.0.0/24 on edge-a is more specific than our 11.0.0.0/16, and not listed itself",
  });
  const onRouter = (prefix: string): Input => ({
    ...moving,
    announcements: [...transits.announcements, { prefix, link: b.name, device: b.device, prepends: 0 }],
  });
  expect(finding(onRouter("11.0.0.128/25"), "no-more-specifics")?.reason).toBe(
    `11.0.0.128/25 on ${b.device} is more specific than our 11.0.0.0/24, and not listed itself`,
  );
  expect(denials(onRouter("10.0.0.0/25")), "inside one that is not changed").toEqual([]);
  expect(denials(within("10.0.0.0/24", "11.0.0.0/24", "12.0.0.0/24", "11.0.0.0/16"))).toEqual([]);
  expect(denials({ ...moving, network: transits.networkOf([a, b], ["2001:db8::/32"]) })).toEqual([]);
});

// Goal: one link at least keeps no more prepends than the operator's own, whatever we have added before. Method: the counts on A and B.
test.each<[string, readonly [number, number], readonly [number, number], readonly [number, number], boolean]>([
  ["more on one", [0, 2], [0, 2], [3, 2], true],
  ["more on both", [0, 0], [0, 0], [1, 1], false],
  ["the operator's own everywhere", [1, 2], [1, 2], [1, 3], true],
  ["more on top of that", [1, 2], [1, 2], [2, 3], false],
  ["more on the other, after more on one", [0, 2], [3, 2], [3, 3], false],
  ["fewer on the one, more on the other", [0, 2], [3, 2], [2, 3], false],
  ["all back on the one", [0, 2], [3, 2], [0, 3], true],
  ["less everywhere", [2, 2], [2, 2], [1, 0], true],
])("prepended everywhere: %s", (_, stood, from, to, allow) => {
  const table = ([onA, onB]: readonly [number, number]) =>
    announce([a, b], { "11.0.0.0/24": { [a.name]: onA, [b.name]: onB }, "12.0.0.0/24": { [b.name]: 0 } });
  const changes = [a, b].flatMap((link, i) => {
    return from[i] === to[i] ? [] : [prepend("11.0.0.0/24", link, from[i] ?? 0, to[i] ?? 0)];
  });
  const input = { ...moving, announcements: table(from), standing: table(stood), decision: decisionOf(changes) };
  expect(finding(input, "prepended-everywhere")?.allow).toBe(allow);
});

test("in words", () => {
  expect(finding(moving, "prepended-everywhere")?.reason).toBe(
    "11.0.0.0/24 has no more prepends than its own on transit-b",
  );
  const both = decisionOf([prepend("11.0.0.0/24", a, 0, 3), prepend("11.0.0.0/24", b, 2, 3)]);
  expect(finding({ ...moving, decision: both }, "prepended-everywhere")?.reason).toBe(
    "11.0.0.0/24 would have more prepends than its own on all of transit-a and transit-b",
  );
});

// Goal: a drain leaves some link on which the prefix is announced without one, however the sites stood.
test("drained everywhere", () => {
  const state = fc.constantFrom("announced" as const, "drained" as const, "withdrawn" as const);
  const links = ["transit-l", "transit-t"];
  const property = fc.property(fc.array(state, { minLength: 2, maxLength: 2 }), (states) => {
    const others = Object.fromEntries(links.map((link, i) => [link, states[i] ?? "announced"]));
    const input = sitesInput(step("announced", "drained"), sites.announcedAs(others));
    expect(finding(input, "drained-everywhere")?.allow).toBe(states.includes("announced"));
  });
  fc.assert(property, { numRuns: 50 });
  expect(finding(sitesInput(step("drained", "withdrawn"), drained), "drained-everywhere")?.allow).toBe(true);
});
