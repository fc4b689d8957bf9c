import fc from "fast-check";
import { expect, test } from "vitest";
import { decideSegmentRouting } from "../../src/decision/segment-routing.ts";
import { denied } from "../../src/guard/guard.ts";
import type { Link, Network } from "../../src/model/inventory.ts";
import type { NetworkState } from "../../src/model/network-state.ts";
import { Ecmp } from "../../src/te/ecmp.ts";
import { judgeGuards } from "../support/untouched.ts";
import { sharesOn, graphOf as unitGraph } from "../te/segment-routing/networks.ts";
import {
  classes,
  type FlowSpec,
  intentFor,
  type LinkSpec,
  networkOf,
  nowMs,
  type PolicyParts,
  policyOf,
  stateOf,
  steeringOf,
  via,
} from "../te/steered-network.ts";

/** Three to five routers on a ring and some links more, whole Gbit/s and ms; one flow in three has an SR policy. */
const cases = fc.integer({ min: 3, max: 5 }).chain((count) => {
  const router = fc.integer({ min: 0, max: count - 1 });
  const two = fc.tuple(router, router).filter(([a, b]) => a !== b);
  const spec = fc.record({
    metric: fc.constantFrom(10, 20, 30),
    capacity: fc.constantFrom(5, 10, 20),
    delay: fc.integer({ min: 1, max: 6 }),
  });
  const flow = fc.record({
    ends: two,
    class: fc.constantFrom(...classes.map(({ name }) => name)),
    rate: fc.integer({ min: 1, max: 8 }),
    through: fc.option(router, { freq: 2 }),
  });
  return fc.record({
    count: fc.constant(count),
    ring: fc.array(spec, { minLength: count, maxLength: count }),
    more: fc.array(fc.tuple(two, spec), { maxLength: 3 }),
    flows: fc.array(flow, { minLength: 2, maxLength: 5 }),
    target: fc.constantFrom(0.5, 0.75),
    maxSegments: fc.integer({ min: 1, max: 3 }),
    maxMoved: fc.constantFrom(0.3, 0.6, 10),
    maxDevices: fc.integer({ min: 1, max: 3 }),
  });
});
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

function worldOf({ count, ring, more, flows }: Case) {
  const links: Record<string, LinkSpec> = {};
  for (const [at, spec] of ring.entries()) links[`r${at} r${(at + 1) % count}`] = spec;
  for (const [i, [[a, b], spec]] of more.entries()) links[`r${a} r${b} x${i}`] = spec;
  const specs = flows.map(({ ends: [from, to], class: name, rate, through }, i): [string, FlowSpec] => {
    const leads = through !== null && through !== from && through !== to;
    const paths = leads ? { paths: [via(100, `r${through}`, `r${to}`)] } : {};
    return [`f${i}`, { from: `r${from}`, to: `r${to}`, class: name, rate, ...paths }];
  });
  const given = Object.fromEntries(specs);
  const network = networkOf(links, given);
  return { network, flows: given, state: stateOf(network, given), steering: steeringOf(given) };
}

/** Links by how full they are. */
function hottest(network: Network, state: NetworkState): string[] {
  const rates = state.signals.get("link.rate.out");
  const use = ({ name, capacity }: Link) => (rates?.get(name)?.value ?? 0) / capacity;
  return network.links.toSorted((a, b) => use(b) - use(a)).map(({ name }) => name);
}

const freely: PolicyParts["guard"] = {
  maxDevices: 99,
  maxTrafficMoved: 1_000,
  coverage: 0,
  surviveAnyLinkFailure: false,
};

/** The fewest flows to move, then the least Gbit/s, by trying every path for every flow; `undefined` when nothing does. */
function bruteForce({ flows, target, maxSegments }: Case, network: Network, hot: string) {
  const names = network.devices.map(({ name }) => name);
  const node = (name: string) => names.indexOf(name);
  const { links } = network;
  const edges = links.map(({ device, backbone, capacity }) => {
    return [node(device), node(backbone?.to ?? ""), backbone?.metric ?? 0, capacity / 1e9] as const;
  });
  const plain = unitGraph(names.length, edges);
  const graph = { ...plain, delay: Float64Array.from(links, ({ backbone }) => backbone?.delayMs ?? 0) };
  const ecmp = new Ecmp(graph).buildAll();
  const delayOf = (path: readonly number[]) =>
    path.slice(1).reduce((sum, to, i) => sum + (ecmp.delay[(path[i] ?? 0) * names.length + to] ?? 0), 0);
  const others = (...not: number[]) => [...names.keys()].filter((n) => !not.includes(n));
  const pathsOf = (from: number, to: number) => [
    [from, to],
    ...(maxSegments < 2 ? [] : others(from, to).map((a) => [from, a, to])),
    ...(maxSegments < 3 ? [] : others(from, to).flatMap((a) => others(from, to, a).map((b) => [from, a, b, to]))),
  ];
  const now = flows.map(({ ends: [from, to], through, rate, class: name }) => {
    const [a, b] = [node(`r${from}`), node(`r${to}`)];
    const mid = through !== null && through !== from && through !== to ? [node(`r${through}`)] : [];
    const limit = name === "inference" ? 10 : 1_000;
    return { path: [a, ...mid, b], rate, options: pathsOf(a, b).filter((path) => delayOf(path) <= limit) };
  });
  const loadsOf = (paths: readonly (readonly number[])[], rates: readonly number[]) => {
    const load = links.map(() => 0);
    for (const [i, path] of paths.entries()) {
      for (const [edge, share] of sharesOn(ecmp, path)) load[edge] = (load[edge] ?? 0) + share * (rates[i] ?? 0);
    }
    return load;
  };
  const measured = loadsOf(
    now.map(({ path }) => path),
    now.map(({ rate }) => rate),
  );
  const isFull = measured.map((load, edge) => load >= 0.98 * (edges[edge]?.[3] ?? 0));
  const rates = now.map(
    ({ path, rate }) => ([...sharesOn(ecmp, path).keys()].some((edge) => isFull[edge]) ? 1.25 : 1) * rate,
  );
  const before = loadsOf(
    now.map(({ path }) => path),
    rates,
  );
  const goal = links.findIndex(({ name }) => name === hot);
  const limits = before.map((load, edge) =>
    edge === goal ? target * (edges[edge]?.[3] ?? 0) : Math.max(target * (edges[edge]?.[3] ?? 0), load),
  );
  if ((before[goal] ?? 0) <= (limits[goal] ?? 0) + 1e-9) return "within-target";
  let best: { count: number; moved: number } | undefined;
  const visit = (i: number, paths: readonly (readonly number[])[], count: number, moved: number) => {
    if (best && (count > best.count || (count === best.count && moved > best.moved))) return;
    const flow = now[i];
    if (flow) {
      visit(i + 1, [...paths, flow.path], count, moved);
      const crosses = sharesOn(ecmp, flow.path).has(goal);
      for (const path of crosses ? flow.options : []) visit(i + 1, [...paths, path], count + 1, moved + flow.rate);
      return;
    }
    const after = loadsOf(paths, rates);
    if (after.every((load, edge) => load <= (limits[edge] ?? 0) + 1e-6)) best = { count, moved };
  };
  visit(0, [], 0, 0);
  return best;
}

// Goal: relief moves the fewest flows that can help, and of as few the least traffic; nothing only when nothing helps.
test("relief against every assignment of paths", () => {
  const seen = new Map<number | string, number>();
  const property = fc.property(cases, fc.nat(), (small, pick) => {
    const { network, state, steering } = worldOf(small);
    const policy = policyOf({ target: small.target, maxSegments: small.maxSegments, guard: freely });
    const hot = hottest(network, state)[pick % 2] ?? "";
    const expected = bruteForce(small, network, hot);
    const outcome = decideSegmentRouting({
      intent: intentFor(hot, policy),
      policy,
      network,
      state,
      steering,
      drained: [],
    });
    const kind = expected === undefined ? "none" : expected === "within-target" ? expected : expected.count;
    seen.set(kind, (seen.get(kind) ?? 0) + 1);
    if (expected === undefined || expected === "within-target") {
      expect(outcome.kind).toBe("nothing-helps");
      return;
    }
    if (outcome.kind !== "change") {
      expect(expected.count, outcome.reason).toBeGreaterThan(2);
      return;
    }
    const { changes, predicted } = outcome.decision;
    expect(changes.length).toBeGreaterThanOrEqual(expected.count);
    if (expected.count > 2) return;
    expect(changes).toHaveLength(expected.count);
    expect(predicted.moved / 1e9).toBeCloseTo(expected.moved, 6);
  });
  // A seed with which all kinds come up; SEED=n tries others.
  const seed = Number(process.env.SEED ?? 1);
  fc.assert(property, { numRuns: 500, seed });
  for (const kind of ["none", "within-target", 1, 2]) expect(seen.get(kind) ?? 0, `${kind}`).toBeGreaterThan(0);
});

const aims: readonly ((world: ReturnType<typeof worldOf>) => readonly [target: string, PolicyParts][])[] = [
  ({ network, state }) =>
    hottest(network, state)
      .slice(0, 2)
      .map((name) => [name, {}]),
  ({ network }) => network.devices.map(({ name }) => [name, { scope: { drain: name } }]),
  ({ network, state }) =>
    hottest(network, state)
      .slice(0, 2)
      .map((name) => [name, { scope: { drain: name } }]),
  ({ network }) =>
    network.flows.map(({ name, class: of }) => [
      name,
      { scope: { flows: { class: of } }, trigger: { signal: "path.latency.p99", above: 1, clear: 0.5 } },
    ]),
  ({ network }) =>
    network.flows.map(({ name, class: of }) => [
      name,
      { scope: { flows: { class: of } }, trigger: { signal: "path.shared", above: 0.1, clear: 0.05 } },
    ]),
];

// Goal: whatever a policy is for, its decisions pass all guards, do what they are for, and do not depend on any order.
test.each(["relief", "router drain", "link drain", "latency", "isolation"].map((name, i) => [name, i] as const))(
  "guards allow what is decided, in any order: %s",
  (name, aim) => {
    let changes = 0;
    const property = fc.property(cases, fc.nat(), fc.boolean(), (small, pick, survive) => {
      const world = worldOf(small);
      const { network, state, steering } = world;
      const targets = aims[aim]?.(world) ?? [];
      const [target, parts] = targets[pick % targets.length] ?? ["", {}];
      const guard = { maxDevices: small.maxDevices, maxTrafficMoved: small.maxMoved, surviveAnyLinkFailure: survive };
      const policy = policyOf({ ...parts, target: small.target, maxSegments: small.maxSegments, guard });
      const input = { intent: intentFor(target, policy), policy, network, state, steering, drained: [] };
      const outcome = decideSegmentRouting(input);
      const turned = {
        ...input,
        network: {
          ...network,
          devices: network.devices.toReversed(),
          links: network.links.toReversed(),
          flows: network.flows.toReversed(),
          classes: network.classes.toReversed(),
        },
        steering: steering.toReversed(),
      };
      expect(decideSegmentRouting(turned)).toEqual(outcome);
      if (outcome.kind !== "change") return;
      changes++;
      const { decision } = outcome;
      const switches = { frozen: null, killed: null };
      const findings = judgeGuards({
        ...input,
        decision,
        switches,
        announcements: [],
        qos: [],
        sites: [],
        changesInFlight: [],
        phase: "propose",
        touchedMs: [],
        nowMs,
      });
      expect(denied(findings)).toBeUndefined();
      expect(decision.alternatives.length).toBeLessThanOrEqual(5);
      for (const { flow, after } of decision.predicted.flows) {
        const of = network.flows.find((one) => one.name === flow);
        if (of?.class === "inference") expect(after.delayMs).toBeLessThanOrEqual(10);
        if (name === "link drain") expect(after.links).not.toContain(target);
      }
    });
    fc.assert(property, { numRuns: 300 });
    expect(changes).toBeGreaterThan(1);
  },
);
