import { expect, test } from "vitest";
import { denied } from "../../src/guard/guard.ts";
import { bitsPerSecond, ratio } from "../../src/kernel/units.ts";
import type { ClassShare, Intent, QosChange, QosDecision } from "../../src/model/decision.ts";
import { judgeGuards } from "../support/untouched.ts";
import {
  batch,
  classOf,
  intent,
  interactive,
  type Loads,
  networkOf,
  nowMs,
  plainOn,
  policyOf,
  share,
  standard,
  stateOf,
} from "../te/queued-network.ts";

type Input = Parameters<typeof judgeGuards>[0];

const network = networkOf(["a-b", "b-c"]);
const spike: Loads = { interactive: [50, 10], standard: [30, 10], batch: [20, 10] };
const loads = { "a-b": spike, "b-c": { interactive: [0, 0], standard: [0, 0], batch: [0, 0] } } satisfies Record<
  string,
  Loads
>;
const state = stateOf(loads, 100);

/** A decision with nothing to say for itself: guards must work everything out from the facts. */
function decisionOf(changes: readonly QosChange[], about: Intent = intent): QosDecision {
  const costPerHour = { before: 0, after: 0, currency: "" };
  const predicted = { links: [], flows: [], costPerHour, moved: bitsPerSecond(0), movedShare: ratio(0) };
  return { action: "qos", intent: about, changes, reason: "", predicted, alternatives: [] };
}
const queues = (to: readonly ClassShare[], more: Partial<QosChange> = {}): QosChange => ({
  ...{ action: "qos", device: "a", link: "a-b", from: [], to },
  ...more,
});
const right = [share("interactive", 75, 0), share("standard", 10, 1, 30), share("batch", 10, 7, 10)];
const input: Input = {
  policy: policyOf(),
  network,
  state,
  decision: decisionOf([queues(right)]),
  switches: { frozen: null, killed: null },
  announcements: [],
  steering: [],
  qos: plainOn(network),
  sites: [],
  drained: [],
  changesInFlight: [],
  phase: "propose",
  touchedMs: [],
  nowMs,
};
const no = (more: Partial<Input>) => judgeGuards({ ...input, ...more }).filter((finding) => !finding.allow);
const setting = (...to: ClassShare[]) => ({ decision: decisionOf([queues(to)]) });
const [own = share("", 0, 0), mid = share("", 0, 0), low = share("", 0, 0)] = right;

// Goal: the right change passes every guard, and each says why with figures.
test("the right change is allowed by all", () => {
  const findings = judgeGuards(input);
  expect(denied(findings)).toBeUndefined();
  expect(findings.map(({ guard, reason }) => [guard, reason])).toEqual([
    ["kill-switch", "changes are not stopped"],
    ["freeze-window", "no freeze windows"],
    ["one-change-in-flight", "no other change is in flight"],
    ["allow-list", "a-b may have queues, and all of them are for service classes"],
    ["whole", "every class has one queue, or there are none"],
    ["unchanged-basis", "the routers have what it was decided on"],
    ["max-devices", "changes 1 of at most 2 devices: a"],
    ["max-interfaces", "changes 1 of at most 2 interfaces"],
    ["budget", "interactive was touched 0 times in the last 1 h, of 4 allowed"],
    ["still-needed", "the risk of interactive is 300%, not under 50%"],
    ["freshness", "the oldest sample is 0 s old, within 30 s"],
    ["feasible", "95 Mbit/s of the 100 Mbit/s of a-b are guaranteed, beside 1 Mbit/s for control traffic"],
    ["floors", "every class keeps its floor"],
    ["shed-order", "standard on a-b, batch on a-b may be held back, in this order"],
    ["coverage", "classes explain 100% of what a-b sends, of at least 80%"],
    ["premium", "interactive and those before it offer 60% of a-b; at most 80% may go first"],
    ["bystanders", "nobody whom interactive may not hold back carries less than now"],
    ["traffic-held-back", "holds back 23.1% of what an interface is offered; at most 60% may be"],
  ]);
});

const minutes = (count: number) => nowMs - count * 60_000;
const without = (
  signal: "link.rate.out" | "queue.rate" | "queue.drops" | "queue.depth" | "class.risk",
  name: string,
) => {
  const left = new Map(state.signals.get(signal));
  left.delete(name);
  return { state: { ...state, signals: new Map(state.signals).set(signal, left) } };
};
const aged = (ms: number) => ({ state: stateOf(loads, 100, { fromMs: nowMs - ms, toMs: nowMs - ms }) });
const bare = { ...network, links: network.links.map(({ qos: _, ...link }) => link) };

/** Holds standard and batch back, by a policy that may hold nobody back, and says that it gives back. */
const lying: Partial<Input> = {
  network: { ...network, classes: [classOf("interactive", { ...interactive.service, sheds: [] }), standard, batch] },
  state: stateOf({ ...loads, "a-b": { interactive: [20, 0], standard: [20, 0], batch: [18, 0] } }, 1),
  policy: policyOf({ maxHeldBack: 0.01 }),
  qos: [
    {
      link: "a-b",
      device: "a",
      shares: [share("interactive", 75, 0), share("standard", 10, 1), share("batch", 10, 7)],
    },
  ],
  decision: decisionOf(
    [
      queues([share("interactive", 75, 0), share("standard", 10, 1, 15), share("batch", 10, 7, 13)], {
        from: [share("interactive", 75, 0), share("standard", 10, 1), share("batch", 10, 7)],
      }),
    ],
    { ...intent, kind: "give-back", changeId: "change-1", changes: [] },
  ),
};

// Goal: each guard denies for its own reason, with figures. Method: one fact or one share is wrong.
test.each<[string, string, Partial<Input>, string]>([
  ["kill-switch", "a stop", { switches: { frozen: null, killed: { by: "ada", reason: "outage" } } }, "ada stopped"],
  [
    "freeze-window",
    "a freeze",
    { switches: { killed: null, frozen: { by: "ada", untilMs: nowMs + 1, reason: "x" } } },
    "ada froze",
  ],
  ["allow-list", "a link without qos", { network: bare }, "a-b is no link with qos"],
  [
    "allow-list",
    "another router",
    { decision: decisionOf([queues(right, { device: "b" })]) },
    "a-b is sent by a, and the change is for b",
  ],
  ["allow-list", "a stranger", setting(...right, share("gold", 1, 3)), "gold is no service class"],
  ["whole", "a class left out", setting(own, mid), "batch has not one queue on a-b"],
  ["whole", "a class twice", setting(own, mid, low, { ...low, ceiling: own.ceiling }), "batch has not one queue"],
  [
    "unchanged-basis",
    "other queues there",
    { qos: [{ link: "a-b", device: "a", shares: right }] },
    "a has other queues on a-b",
  ],
  ["unchanged-basis", "nothing read", { qos: [] }, "what a has for the queues of a-b is not known"],
  ["unchanged-basis", "twice", { decision: decisionOf([queues(right), queues(right)]) }, "a-b is changed twice"],
  [
    "unchanged-basis",
    "no change",
    { decision: decisionOf([queues(right, { from: right })]), qos: [{ link: "a-b", device: "a", shares: right }] },
    "nothing is changed on a-b",
  ],
  ["max-interfaces", "one too many", { policy: policyOf({ maxInterfaces: 0 }) }, "changes 1 of at most 0"],
  [
    "still-needed",
    "over by now",
    { state: stateOf(loads, 100, undefined, { risk: 0.49 }) },
    "the risk of interactive is 49%, under 50%: what it was for is over",
  ],
  ["budget", "used up", { touchedMs: [1, 2, 3, 59].map(minutes) }, "was touched 4 times in the last 1 h, of 4 allowed"],
  ["freshness", "old samples", aged(31_000), "the class.risk of interactive is 31 s old, over 30 s"],
  ["freshness", "no depth", without("queue.depth", "a-b/batch"), "there is no queue.depth of batch on a-b"],
  ["freshness", "no risk", without("class.risk", "interactive"), "there is no class.risk of interactive"],
  ["premium", "no rate", without("queue.rate", "a-b/standard"), "not known: the queue.rate of standard on a-b"],
  ["freshness", "no rate of the link", without("link.rate.out", "a-b"), "there is no link.rate.out of a-b"],
  ["coverage", "no rate of the link", without("link.rate.out", "a-b"), "not known: the link.rate.out of a-b"],
  [
    "coverage",
    "traffic of no class",
    { state: stateOf(loads, 100, undefined, { unclassed: 26 }) },
    "classes explain 79.4% of what a-b sends, of at least 80%",
  ],
  [
    "feasible",
    "more than the line",
    setting(own, share("standard", 16, 1, 30), low),
    "101 Mbit/s of the 100 Mbit/s of a-b are guaranteed, beside 1 Mbit/s for control traffic",
  ],
  [
    "feasible",
    "parts of a kbit/s",
    setting({ ...own, guaranteed: bitsPerSecond(75e6 + 1) }, mid, low),
    "interactive is to have on a-b is no queue",
  ],
  [
    "feasible",
    "a ceiling below",
    setting(share("interactive", 75, 0, 70), mid, low),
    "guaranteed 75 Mbit/s, ceiling 70 Mbit/s",
  ],
  ["feasible", "marks", setting({ ...own, mark: { minBytes: 9, maxBytes: 9 } }, mid, low), "marks 9 to 9 bytes"],
  [
    "floors",
    "under one",
    setting(own, mid, share("batch", 9, 7, 9)),
    "batch would be sure of 9 Mbit/s on a-b, under its floor of 10%",
  ],
  [
    "shed-order",
    "the class itself",
    setting(share("interactive", 75, 0, 90), mid, low),
    "interactive may not hold interactive back",
  ],
  [
    "shed-order",
    "standard first",
    setting(own, mid, share("batch", 10, 7)),
    "standard would be held back on a-b before batch is at its floor",
  ],
  ["premium", "too much", { policy: policyOf({ target: 0.5 }) }, "offer 60% of a-b; at most 50% may go first"],
  [
    "premium",
    "not sure of it",
    setting(share("interactive", 59, 0), mid, low),
    "interactive offers 60 Mbit/s on a-b and would be sure of 59 Mbit/s",
  ],
  [
    "premium",
    "a plain queue",
    { decision: decisionOf([queues([], { from: right })]), qos: [{ link: "a-b", device: "a", shares: right }] },
    "one plain queue on a-b would be full",
  ],
  [
    "bystanders",
    "squeezed under a full ceiling",
    {
      network: {
        ...network,
        classes: [classOf("interactive", { ...interactive.service, sheds: ["batch"] }), standard, batch],
      },
      state: stateOf({ ...loads, "a-b": { interactive: [55, 15], standard: [44, 0], batch: [1, 0] } }, 100),
      ...setting(own, share("standard", 10, 1), low),
    },
    "standard would carry 29 Mbit/s on a-b of the 44 Mbit/s it does now, and interactive may not hold it back",
  ],
  [
    "traffic-held-back",
    "squeezed under a full ceiling",
    {
      policy: policyOf({ maxHeldBack: 0.1 }),
      state: stateOf({ ...loads, "a-b": { interactive: [55, 15], standard: [44, 0], batch: [1, 0] } }, 100),
      ...setting(own, share("standard", 10, 1), low),
    },
    "holds back 13% of what an interface is offered; at most 10% may be",
  ],
  ["shed-order", "said to give back", lying, "interactive may not hold standard back"],
  ["traffic-held-back", "said to give back", lying, "holds back 17"],
  [
    "traffic-held-back",
    "too much",
    { policy: policyOf({ maxHeldBack: 0.2 }) },
    "holds back 23.1% of what an interface is offered; at most 20% may be",
  ],
])("%s: %s", (guard, _, more, reason) => {
  const finding = no(more).find((one) => one.guard === guard);
  expect(finding?.reason).toContain(reason);
});

// Goal: limits at their edge are allowed. Method: exactly as much as there may be.
test("at the edge", () => {
  expect(no({ touchedMs: [1, 2, 3, 60].map(minutes) })).toEqual([]);
  expect(no({ policy: policyOf({ target: 0.6 }) })).toEqual([]);
  expect(no(aged(30_000))).toEqual([]);
  expect(no({ state: stateOf(loads, 100, undefined, { unclassed: 25 }) })).toEqual([]);
  expect(no(setting(own, share("standard", 14, 1, 30), low))).toEqual([]);
});

// Goal: a ceiling of a line that is no whole number of kbit/s holds nobody back.
test("a crooked capacity", () => {
  const crooked = {
    ...network,
    links: network.links.map((link) => ({ ...link, capacity: bitsPerSecond(100e6 + 999) })),
  };
  const none = [own, share("standard", 11, 1), share("batch", 11, 7)];
  expect(no({ ...setting(...none), network: crooked })).toEqual([]);
  expect(network.classes).toEqual([interactive, standard, batch]);
});

// Goal: giving back is held to what it leaves, and not to what it lets go.
test("giving back", () => {
  const back: Intent = { ...intent, kind: "give-back", changeId: "change-1", changes: [queues(right)] };
  const calm = { "a-b": { interactive: [10, 0], standard: [10, 0], batch: [8, 0] } } satisfies Record<string, Loads>;
  const facts = { qos: [{ link: "a-b", device: "a", shares: right }], state: stateOf(calm, 1) };
  const decision = decisionOf([queues([], { from: right })], back);
  expect(no({ ...facts, decision, policy: policyOf({ maxHeldBack: 0 }) })).toEqual([]);
  // One change is left for the next peak, and where there is only one, it may be this.
  const late = { ...facts, decision, touchedMs: [1, 2, 3].map(minutes) };
  expect(no(late).map(({ guard, reason }) => [guard, reason])).toEqual([
    ["budget", "interactive was touched 3 times in the last 1 h, of 4 allowed, and giving back leaves 1 of them"],
  ]);
  expect(no({ ...late, touchedMs: [1, 2].map(minutes) })).toEqual([]);
  const once = classOf("interactive", { ...interactive.service, budget: { changes: 1, perMs: 3_600_000 } });
  expect(no({ ...facts, decision, network: { ...network, classes: [once, standard, batch] } })).toEqual([]);
  // Queues from before a class was added come back as they were; others that leave it out do not.
  const older = [share("interactive", 40, 0), share("batch", 30, 7)];
  const to = [queues(older, { from: right })];
  const stood = { ...back, changes: [queues(right, { from: older })] };
  expect(no({ ...facts, decision: decisionOf(to, stood) })).toEqual([]);
  expect(no({ ...facts, decision: decisionOf(to, back) }).map(({ guard }) => guard)).toEqual(["whole"]);
});
