import { describe, expect, test } from "vitest";
import { decideSegmentRouting } from "../../src/decision/segment-routing.ts";
import { denied } from "../../src/guard/guard.ts";
import type { Intent, SegmentRoutingDecision } from "../../src/model/decision.ts";
import type { Network } from "../../src/model/inventory.ts";
import { decide, judgeGuards } from "../support/untouched.ts";
import {
  type FlowSpec,
  intentFor,
  networkOf,
  nowMs,
  type PolicyParts,
  policyOf,
  stateOf,
  steer,
  steeringOf,
  via,
} from "../te/steered-network.ts";

type Flows = Readonly<Record<string, FlowSpec>>;
type Given = Readonly<{
  target: string;
  links: Parameters<typeof networkOf>[0];
  flows: Flows;
  background?: Readonly<Record<string, number>>;
  policy?: PolicyParts;
  network?: Parameters<typeof networkOf>[2];
}>;

function inputOf({ target, links, flows, background, policy, network: more }: Given) {
  const network: Network = networkOf(links, flows, more);
  const rules = policyOf(policy);
  const intent: Intent = intentFor(target, rules);
  return {
    intent,
    policy: rules,
    network,
    state: stateOf(network, flows, background),
    steering: steeringOf(flows),
    qos: [],
    sites: [],
    drained: [],
  };
}

type Input = Omit<ReturnType<typeof inputOf>, "intent"> & Readonly<{ intent: Intent }>;

/** What is decided; and that every guard lets it pass. */
function decided(given: Given | Input): SegmentRoutingDecision {
  const input = "links" in given ? inputOf(given) : given;
  const outcome = decide({ ...input, announcements: [], unlisted: [] });
  if (outcome.kind !== "change") throw new Error(outcome.reason);
  const { decision } = outcome;
  if (decision.action !== "segment-routing") throw new Error("not segment routing");
  const switches = { frozen: null, killed: null };
  const findings = judgeGuards({
    ...input,
    decision,
    switches,
    announcements: [],
    changesInFlight: [],
    phase: "propose",
    touchedMs: [],
    nowMs,
  });
  expect(denied(findings)).toBeUndefined();
  return decision;
}
const refused = (given: Given) => {
  const outcome = decideSegmentRouting(inputOf(given));
  if (outcome.kind === "change") throw new Error(outcome.decision.reason);
  return outcome;
};

// The short way r0-r1-r4 that all take, one by r2 nearly as short, a long and wide one by r3.
const links = {
  "r0 r1": { delay: 2 },
  "r1 r4": { delay: 2 },
  "r0 r2": { metric: 20, delay: 3, capacity: 5 },
  "r2 r4": { metric: 20, delay: 3, capacity: 5 },
  "r0 r3": { metric: 30, delay: 9, capacity: 40 },
  "r3 r4": { metric: 30, delay: 9, capacity: 40 },
};
const flows = {
  "batch-1": { from: "r0", to: "r4", class: "batch", rate: 1 },
  "inference-1": { from: "r0", to: "r4", class: "inference", rate: 3 },
  "training-1": { from: "r0", to: "r4", rate: 4 },
  "training-2": { from: "r1", to: "r4", rate: 1 },
} satisfies Flows;
const busy: Given = { target: "r1-r4", links, flows };

const inference = { flows: { class: "inference" } };
const drain = (target: string): PolicyParts => ({ scope: { drain: target }, trigger: { above: 0.01 }, target: 0.8 });
const whyNot = (given: Given, summary: string) => {
  const outcome = decideSegmentRouting(inputOf(given));
  const { alternatives } = outcome.kind === "change" ? outcome.decision : outcome;
  return alternatives.find((alternative) => alternative.summary.includes(summary))?.whyNot;
};

describe("a link that is too full", () => {
  // Goal: the right answer, with all that a person is told about it.
  test("the least traffic that is enough leaves it", () => {
    const decision = decided(busy);
    expect(decision.changes).toEqual([steer("inference-1", "r0", [], [via(100, "r2", "r4")])]);
    expect(decision.reason).toBe(
      "r1-r4 is at 90% outbound, over 85%. Steer inference-1 (3 Gbit/s) by r2 (6 ms): that takes r1-r4 from 90% to 60%; " +
        "of the 2 links that get more traffic, the fullest is r0-r2 from 0% to 60%; its path gets 2 ms longer.",
    );
    expect(decision.predicted).toMatchObject({
      links: [
        { link: "r0-r1", before: { utilisation: 0.8 }, after: { utilisation: 0.5 }, afterWorstFailure: 0.8 },
        { link: "r0-r2", after: { utilisation: 0.6 }, afterWorstFailure: 1.8 },
        { link: "r1-r4", before: { utilisation: 0.9 }, after: { utilisation: 0.6 }, afterWorstFailure: 0.9 },
        { link: "r2-r4", after: { utilisation: 0.6 } },
      ],
      flows: [
        {
          flow: "inference-1",
          rate: 3e9,
          before: { links: ["r0-r1", "r1-r4"], delayMs: 4 },
          after: { links: ["r0-r2", "r2-r4"], delayMs: 6 },
        },
      ],
      costPerHour: { before: 0, after: 0, currency: "" },
      moved: 3e9,
    });
    expect(decision.predicted.movedShare).toBeCloseTo(3 / 9);
    expect(decision.alternatives).toEqual([
      { summary: "steer training-1 (4 Gbit/s) by r3 (18 ms)", whyNot: "moves 4 Gbit/s, 1 Gbit/s more than needed" },
      { summary: "steer batch-1 (1 Gbit/s) by r3 (18 ms)", whyNot: "leaves r1-r4 at 80%, over the 75% target" },
      { summary: "steer training-2 (1 Gbit/s) by r2 (8 ms)", whyNot: "leaves r1-r4 at 85%, over the 75% target" },
      { summary: "do nothing", whyNot: "r1-r4 is at 90%, over the 75% target, and stays there" },
    ]);
  });

  // Goal: one flow where one is enough, two where two are needed, three where it takes three.
  test.each([
    [0.75, ["inference-1"]],
    [0.45, ["training-1", "training-2"]],
    [0.12, ["batch-1", "inference-1", "training-1"]],
  ])("to %d: %j", (target, moved) => {
    const wide = {
      ...links,
      "r0 r2": { metric: 20, delay: 3, capacity: 40 },
      "r2 r4": { metric: 20, delay: 3, capacity: 40 },
    };
    const { changes } = decided({ ...busy, links: wide, policy: { target } });
    expect(changes.map(({ flow }) => flow)).toEqual(moved);
  });

  // Goal: on equal terms a flow without an SR policy is moved rather than one with; what must be re-pathed keeps its path.
  test("an SR policy in use is changed only where that is better", () => {
    const inUse = [via(100, "r1", "r4"), via(50, "r2", "r4")];
    const two = (other: number): Flows => ({
      a: { from: "r0", to: "r4", class: "batch", rate: 4, paths: inUse },
      b: { from: "r0", to: "r4", class: "batch", rate: other },
    });
    expect(decided({ ...busy, flows: two(4) }).changes).toEqual([steer("b", "r0", [], [via(100, "r3", "r4")])]);
    expect(decided({ ...busy, flows: two(5) }).changes).toEqual([
      steer("a", "r0", inUse, [via(101, "r3", "r4"), via(100, "r1", "r4")]),
    ]);
  });

  // Goal: in a large network three segments would hold up the loop for seconds; what is looked at instead is said.
  test.each([
    [2, "at most 3 segments"],
    [60, "at most 2 segments"],
  ])("%d more routers", (more, words) => {
    const stubs = Object.fromEntries(Array.from({ length: more }, (_, index) => [`r4 x${index}`, {}]));
    const given = {
      ...busy,
      links: { ...links, ...stubs },
      policy: { maxSegments: 3 },
      network: { withoutSegment: ["r0", "r1", "r2", "r3", ...Array.from({ length: more }, (_, index) => `x${index}`)] },
    };
    expect(whyNot(given, "inference-1")).toContain(words);
  });

  // Goal: a path that the IGP takes anyway needs no SR policy.
  test("back to the IGP's path", () => {
    const paths = [via(100, "r2", "r4")];
    const given = { ...busy, target: "r0-r2", flows: { a: { from: "r0", to: "r4", rate: 4, paths } } };
    const decision = decided({ ...given, links: { ...links, "r0 r3": { metric: 30, delay: 9, capacity: 1 } } });
    expect(decision.changes).toEqual([steer("a", "r0", paths, [])]);
    expect(decision.reason).toContain("Steer a (4 Gbit/s) back to its IGP path (4 ms)");
  });

  // Goal: every limit of the policy binds, and the refusal carries the figures.
  test.each<[string, Partial<Given>, string, string]>([
    [
      "traffic taken off a link",
      { policy: { guard: { maxTrafficMoved: 0.05 } } },
      "inference-1",
      "takes 37.5% of what r0-r1 carries off it; the policy allows 5%",
    ],
    ["devices", { policy: { guard: { maxDevices: 0 } } }, "inference-1", "touches 1 devices; the policy allows 0"],
    [
      "segments",
      { policy: { maxSegments: 1 } },
      "inference-1",
      "no other path of at most 1 segments is open to it that gives what inference asks",
    ],
    [
      "a router without a segment",
      { network: { withoutSegment: ["r2", "r3"] } },
      "inference-1",
      "no other path of at most 2 segments",
    ],
    ["an end without a segment", { network: { withoutSegment: ["r4"] } }, "do nothing", ""],
  ])("nothing helps within %s", (_, more, summary, why) => {
    const few = {
      ...links,
      "r0 r3": { metric: 30, delay: 9, capacity: 4 },
      "r3 r4": { metric: 30, delay: 9, capacity: 4 },
    };
    const given = { ...busy, links: few, ...more };
    expect(refused(given).reason).toMatch(/^r1-r4 is at 90%/);
    if (why) expect(whyNot(given, summary)).toContain(why);
  });

  // Goal: what is hopeless is said with what stays.
  test("traffic of no flow stays", () => {
    const given = { ...busy, flows: { a: { from: "r0", to: "r4", rate: 2 } }, background: { "r1-r4": 8 } };
    expect(refused(given).reason).toBe(
      "r1-r4 is at 100%; even without the one flow that may be moved r1-r4 would be at 100%, over the 75% target; " +
        "8 Gbit/s on r1-r4 belong to no flow, and only its IGP metric moves them",
    );
  });

  // Goal: a full link hides demand: what leaves it needs room for more than is measured.
  test.each([
    [6, "change"],
    [6.1, "nothing-helps"],
  ])("%d Gbit/s of a full link onto one of 10 Gbit/s", (rate, kind) => {
    const given: Given = {
      target: "r0-r1",
      links: { "r0 r1": {}, "r0 r2": { metric: 20 }, "r2 r1": { metric: 20 } },
      flows: { a: { from: "r0", to: "r1", rate } },
      background: { "r0-r1": 10 - rate },
    };
    const outcome = decideSegmentRouting(inputOf(given));
    expect(outcome.kind).toBe(kind);
    if (outcome.kind === "change") expect(outcome.decision.reason).toContain("judged on 1.25 times what crosses it");
    else expect(whyNot(given, "steer a")).toContain("would put r0-r2 at 76.3% with allowance for the demand that");
  });
});

// The lab's: two ways from west to east, and inference cannot take the long one.
const lab: Given = {
  target: "inference-1",
  links: {
    "west-1 north": { capacity: 100 },
    "west-2 north": { capacity: 100 },
    "north east": { capacity: 100, delay: 2 },
    "west-1 west-2": { capacity: 100, metric: 5 },
    "west-1 south-1": { capacity: 100, metric: 30, delay: 5 },
    "west-2 south-1": { capacity: 100, metric: 30, delay: 5 },
    "south-1 south-2": { capacity: 100, metric: 20, delay: 5 },
    "south-2 east": { capacity: 100, metric: 20, delay: 5 },
  },
  flows: {
    "inference-1": { from: "west-1", to: "east", class: "inference", rate: 30 },
    "training-1": { from: "west-2", to: "east", rate: 55 },
    "batch-1": { from: "west-2", to: "east", class: "batch", rate: 20 },
  },
  background: { "south-1-south-2": 5, "south-2-south-1": 5, "north-east": -5 },
  policy: {
    scope: { flows: { class: "inference" } },
    trigger: { signal: "path.latency.p99", above: 10, clear: 8 },
    maxSegments: 3,
    guard: { maxTrafficMoved: 0.8, surviveAnyLinkFailure: true },
  },
};

describe("inference that waits behind training", () => {
  // Goal: training leaves, inference stays where it is; the long way is not open to inference.
  test("training goes apart", () => {
    const input = inputOf(lab);
    const decision = decided({ ...input, intent: intentFor("inference-1", input.policy, 50) });
    expect(decision.changes).toEqual([steer("training-1", "west-2", [], [via(100, "south-1", "east")])]);
    expect(decision.reason).toBe(
      "inference-1 is at 50 ms, over 10 ms: its path has north-east at 105%, over the 75% target. Steer training-1 (55 " +
        "Gbit/s) by south-1 (15 ms): that takes north-east from 105% to 50%; of the 3 links that get more traffic, the " +
        "fullest is south-1-south-2 from 5% to 60%; its path gets 12 ms longer; a link on the way is full, so these figures " +
        "are lower bounds and limits were judged on 1.25 times what crosses it.",
    );
    expect(whyNot(lab, "by west-1 and south-1")).toContain(
      "if east-north fails, west-1-south-1 would be at 106.3% (37.5%",
    );
    expect(whyNot(lab, "batch-1")).toBe("leaves north-east at 85%, over the 75% target");
  });

  // Goal: when no other class can give way, inference itself takes a path that is short enough; never one that is not.
  test("inference itself moves when only it can", () => {
    const given: Given = {
      target: "inference-1",
      links,
      flows: { "inference-1": { from: "r0", to: "r4", class: "inference", rate: 3 } },
      background: { "r0-r1": 5.5 },
      policy: {
        guard: { coverage: 0.3 },
        scope: inference,
        trigger: { signal: "path.latency.p99", above: 10, clear: 8 },
      },
    };
    expect(decided(given).changes).toEqual([steer("inference-1", "r0", [], [via(100, "r2", "r4")])]);
    const far = { ...given, links: { ...links, "r0 r2": { metric: 20, delay: 8 } } };
    expect(refused(far).reason).toContain(
      "no other path of at most 2 segments meets what inference asks with all its links under the target",
    );
  });

  test("a path that is too long by itself", () => {
    const paths = [via(100, "r3", "r4")];
    const given: Given = {
      target: "inference-1",
      links,
      flows: { "inference-1": { from: "r0", to: "r4", class: "inference", rate: 3, paths } },
      policy: { scope: inference, trigger: { signal: "path.latency.p99", above: 10, clear: 8 } },
    };
    const { changes, reason } = decided(given);
    expect(changes).toEqual([steer("inference-1", "r0", paths, [])]);
    expect(reason).toContain("its path alone takes 18 ms of the 10 ms of inference");
    const fine = { ...given, flows: { "inference-1": { ...given.flows["inference-1"], paths: [] } as FlowSpec } };
    expect(refused(fine).reason).toContain("its path takes 4 ms and has no link over the 75% target");
  });
});

// Goal: apart from inference, whatever way it is; not when that breaks something.
test("training is led apart from inference", () => {
  const policy: PolicyParts = {
    scope: { flows: { class: "training" } },
    trigger: { signal: "path.shared", above: 0.05, clear: 0.01 },
  };
  const given = { ...busy, target: "training-1", policy };
  const { changes, reason } = decided(given);
  expect(changes).toEqual([steer("training-1", "r0", [], [via(100, "r3", "r4")])]);
  expect(reason).toMatch(
    /^training-1 shares 100% of the links of its path with latency classes, over 5%. .* It then shares none.$/,
  );
  expect(whyNot(given, "by r2")).toBe("would put r0-r2 at 80%, over the 75% target");
  const narrow = { ...links, "r0 r3": { metric: 30, capacity: 4 } };
  expect(refused({ ...given, links: narrow }).reason).toContain(
    "no path of at most 2 segments that is apart from them",
  );
  expect(refused({ ...given, flows: { "training-1": flows["training-1"] } }).reason).toContain("it is apart already");
});

describe("a drain", () => {
  // Goal: all that can leave a router does, in one change; what ends there and what no flow explains is named.
  test("of a router", () => {
    const given = { ...busy, target: "r1", policy: drain("r1"), background: { "r1-r0": 1 } };
    const { changes, reason, predicted } = decided(given);
    expect(changes).toEqual([
      steer("batch-1", "r0", [], [via(100, "r3", "r4")]),
      steer("inference-1", "r0", [], [via(100, "r2", "r4")]),
      steer("training-1", "r0", [], [via(100, "r3", "r4")]),
    ]);
    expect(reason).toContain("r1 is to be drained, and 4 flows cross it with 9 Gbit/s.");
    expect(reason).toContain("training-2 stays: traffic cannot leave the router where it starts or ends.");
    expect(reason).toContain("1 Gbit/s on r1-r0 belong to no flow and stay: raise the IGP metric to move them.");
    expect(predicted.links.find(({ link }) => link === "r1-r4")?.after.utilisation).toBeCloseTo(0.1);
  });
  test("of a link", () => {
    const { changes, reason } = decided({ ...busy, target: "r0-r1", policy: drain("r0-r1") });
    expect(changes.map(({ flow }) => flow)).toEqual(["batch-1", "inference-1", "training-1"]);
    expect(reason).toContain("No flow crosses r0-r1 any more.");
  });
  test("where all ends, or nothing runs", () => {
    expect(refused({ ...busy, target: "r4", policy: drain("r4") }).reason).toBe(
      "r4 is to be drained, and 4 flows cross it with 9 Gbit/s. batch-1, inference-1, training-1 and training-2 stay: " +
        "traffic cannot leave the router where it starts or ends.",
    );
    expect(refused({ ...busy, target: "r2", policy: drain("r2") }).reason).toBe(
      "r2 is to be drained, and no flow crosses it.",
    );
  });
  // Goal: what a limit of the policy leaves waits for the next change, and is named.
  test("as far as the policy's limits go", () => {
    const given = { ...busy, target: "r0-r1", policy: { ...drain("r0-r1"), guard: { maxTrafficMoved: 0.5 } } };
    const { changes, reason } = decided(given);
    expect(changes.map(({ flow }) => flow)).toEqual(["batch-1", "inference-1"]);
    expect(reason).toContain("training-1 stays: takes 100% of what r0-r1 carries off it");
  });
});

describe("giving back", () => {
  const made = steer("training-1", "r0", [], [via(100, "r3", "r4")]);
  const given = (rate: number, paths = made.to, signal: PolicyParts["trigger"] = {}) => {
    const quiet = { ...flows, "training-1": { ...flows["training-1"], rate, paths } };
    const input = inputOf({ ...busy, flows: quiet, policy: { trigger: signal } });
    const intent: Intent = {
      ...intentFor("r1-r4", input.policy),
      kind: "give-back",
      changeId: "change-1",
      changes: [made],
    };
    return { ...input, intent };
  };
  test("when every link stays clear", () => {
    const { changes, reason } = decided(given(1));
    expect(changes).toEqual([steer("training-1", "r0", made.to, [])]);
    expect(reason).toMatch(/^r1-r4 has been clear since .*Z. Steer training-1 \(1 Gbit\/s\) back to its IGP path/);
  });
  test.each([
    ["it would not stay clear", given(2), "r1-r4 would go to 70%, over the 65% it must clear"],
    [
      "someone changed the paths since",
      given(1, [via(101, "r3", "r4")]),
      "r0 has other paths for training-1 now than change-1 left",
    ],
  ])("not when %s", (_, input, why) => {
    const outcome = decideSegmentRouting(input);
    expect(outcome).toMatchObject({ kind: "nothing-helps", reason: `change-1 is not given back: ${why}` });
  });
});

// Goal: no data is never zero, and a signal that paths do not change is refused.
test("what is not known is named", () => {
  const input = inputOf(busy);
  const without = (signal: "flow.rate" | "link.rate.out", name: string) => {
    const left = new Map(input.state.signals.get(signal));
    left.delete(name);
    return { ...input, state: { ...input.state, signals: new Map([...input.state.signals, [signal, left]]) } };
  };
  const reasonOf = (given: typeof input) =>
    decideSegmentRouting(given).kind === "nothing-helps" && decideSegmentRouting(given);
  expect(reasonOf(without("flow.rate", "batch-1"))).toMatchObject({
    reason: "the rate of batch-1 is not known, and no data is never zero",
  });
  expect(reasonOf(without("link.rate.out", "r3-r4"))).toMatchObject({
    reason: "the outbound rate of r3-r4 is not known, and no data is never zero",
  });
  expect(reasonOf({ ...input, steering: input.steering.slice(1) })).toMatchObject({
    reason: "the path of batch-1 is not known, and no data is never zero",
  });
  expect(refused({ ...busy, policy: { trigger: { signal: "link.utilisation.in" } } }).reason).toContain(
    "segment routing moves what backbone links send",
  );
});
