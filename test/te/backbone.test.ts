import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { backboneOf, linkNames, sharedWithLatency, steeredNetwork, withHiddenDemand } from "../../src/te/backbone.ts";
import {
  arrivingLoads,
  BackboneFailures,
  backboneLoads,
  newPaths,
  shareTakenOff,
} from "../../src/te/backbone-loads.ts";
import { NetworkLoads } from "../../src/te/network-loads.ts";
import { pathThrough } from "../../src/te/routed-demands.ts";
import {
  backbone,
  type FlowSpec,
  gbit,
  type LinkSpec,
  networkOf,
  stateOf,
  steer,
  steeringOf,
  via,
} from "./steered-network.ts";

// The short way r0-r1-r3, and one by r2.
const links = {
  "r0 r1": {},
  "r1 r3": { delay: 2 },
  "r0 r2": { metric: 20, delay: 5 },
  "r2 r3": { metric: 20, delay: 5 },
};
const flows = {
  a: { from: "r0", to: "r3", class: "inference", rate: 2 },
  b: { from: "r0", to: "r3", rate: 4, paths: [via(100, "r2", "r3")] },
  c: { from: "r1", to: "r3", class: "batch", rate: 1 },
} satisfies Record<string, FlowSpec>;
const network = networkOf(links, flows);

const inGbit = (of: ReturnType<typeof backbone>, loads: Float64Array) =>
  Object.fromEntries(
    of.links.flatMap(({ name }, edge) => {
      const rate = Math.round(((loads[edge] ?? 0) / gbit) * 1e6) / 1e6;
      return rate === 0 ? [] : [[name, rate]];
    }),
  );
const failed = (of: ReturnType<typeof backbone>, name: string) =>
  of.physical.findIndex((edges) => edges.some((edge) => of.links[edge]?.name === name));

test("flows run where the highest candidate path leads that has a way, else where the IGP does", () => {
  const paths = [via(50, "r2", "r3"), via(100, "r9", "r3"), via(80, "r1", "r3")];
  const known = steeredNetwork(network, steeringOf({ ...flows, b: { ...flows.b, paths } }));
  if (!("steered" in known)) throw new Error("read");
  const [a, b] = known.steered.flows;
  expect(b?.route && linkNames(known.steered, b.route)).toEqual(["r0-r1", "r1-r3"]);
  expect([a?.route?.delay, b?.route?.delay]).toEqual([3, 3]);
  expect(a?.route && sharedWithLatency(known.steered, "a", a.route)).toBe(0);
  expect(b?.route && sharedWithLatency(known.steered, "b", b.route)).toBe(1);
});

test("loads as they are, changed, and what no flow explains", () => {
  const of = backbone(network, flows, { "r0-r1": 1.5 });
  expect(inGbit(of, of.background)).toEqual({ "r0-r1": 1.5 });
  expect(inGbit(of, backboneLoads(of))).toEqual({ "r0-r1": 3.5, "r0-r2": 4, "r1-r3": 3, "r2-r3": 4 });
  const changed = newPaths([steer("b", "r0", flows.b.paths, [])]);
  expect(inGbit(of, backboneLoads(of, changed))).toEqual({ "r0-r1": 7.5, "r1-r3": 7 });
  // A link that a flow has to itself does not count: it is moved whole or not at all.
  const shared = backbone(networkOf(links, { ...flows, d: { from: "r2", to: "r3", rate: 1 } }), {
    ...flows,
    d: { from: "r2", to: "r3", rate: 1 },
  });
  const off = shareTakenOff(shared, changed);
  expect(shared.links.flatMap(({ name }, edge) => ((off[edge] ?? 0) > 0 ? [[name, off[edge]]] : []))).toEqual([
    ["r2-r3", 0.8],
  ]);
});

// Goal: what a full link lets through is what the links behind it can be asked for; offered rates are no figure for them.
test("flows arrive as the fullest link on their way lets them", () => {
  const heavy = { ...flows, a: { ...flows.a, rate: 18 } };
  const of = backbone(network, heavy, { "r0-r1": -8, "r1-r3": -9 });
  expect(of.saturated[of.links.findIndex(({ name }) => name === "r0-r1")]).toBe(1);
  const measured = Float64Array.from(
    of.links,
    ({ name }) => ({ "r0-r1": 10, "r1-r3": 10, "r0-r2": 4, "r2-r3": 4 })[name] ?? 0,
  );
  const arriving = inGbit(
    of,
    arrivingLoads(
      of,
      measured.map((rate) => rate * gbit),
    ),
  );
  expect(arriving).toMatchObject({ "r0-r2": 4, "r2-r3": 4 });
  expect(arriving["r0-r1"]).toBeLessThanOrEqual(10);
  expect(arriving["r1-r3"]).toBeLessThanOrEqual(10);
  expect(arriving["r1-r3"]).toBeGreaterThan(8);
});

describe("a failure", () => {
  const of = backbone(network, flows, { "r0-r1": 1.5 });
  const failures = new BackboneFailures(of);
  // Goal: both directions go; flows follow what is left of their paths, the rest of the link goes round it.
  test("of r0-r1 sends its flows and what no flow explains round it", () => {
    const loads = failures.loads(failed(of, "r1-r0"), new Map());
    expect(inGbit(of, loads)).toEqual({ "r0-r2": 7.5, "r2-r3": 7.5, "r3-r1": 1.5, "r1-r3": 1 });
  });
  test("of r0-r2: a path to r2 leads there by the other way, and back", () => {
    const loads = failures.loads(failed(of, "r0-r2"), new Map());
    expect(inGbit(of, loads)).toEqual({ "r0-r1": 7.5, "r1-r3": 7, "r3-r2": 4, "r2-r3": 4 });
    const changed = newPaths([steer("b", "r0", flows.b.paths, [])]);
    expect(inGbit(of, failures.loads(failed(of, "r0-r2"), changed))).toEqual({ "r0-r1": 7.5, "r1-r3": 7 });
  });
  test("that cuts off a router loses its traffic", () => {
    const tail = networkOf({ "r0 r1": {}, "r1 r2": {} }, { a: { from: "r0", to: "r2", rate: 2 } });
    const cut = backbone(tail, { a: { from: "r0", to: "r2", rate: 2 } }, { "r1-r2": 3 });
    expect(inGbit(cut, new BackboneFailures(cut).loads(failed(cut, "r1-r2"), new Map()))).toEqual({});
  });
});

// Goal: what a full link hides is allowed for on all that crosses it, and on nothing else.
test.each([
  [{ "r0-r1": 8 }, 1.25],
  [{ "r0-r1": 7.7 }, 1],
  [{ "r0-r1": 8, "r1-r3": -2 }, 1.25],
])("hidden demand beside %j", (background, factor) => {
  const judged = withHiddenDemand(backbone(network, flows, background));
  expect(judged.flows.map(({ rate }) => rate / gbit)).toEqual([2 * factor, 4, 1]);
});
test("no data is not zero", () => {
  const state = stateOf(network, flows);
  const without = new Map(state.signals.get("link.rate.out"));
  without.delete("r2-r3");
  const given = { ...state, signals: new Map([["link.rate.out" as const, without]]) };
  expect(backboneOf(network, given, steeringOf(flows))).toEqual({
    unknown: ["the outbound rate of r2-r3", "the rate of a", "the rate of b", "the rate of c"],
  });
  expect(backboneOf(network, state, [])).toEqual({ unknown: ["the path of a", "the path of b", "the path of c"] });
});

const worlds = fc.integer({ min: 3, max: 6 }).chain((count) => {
  const router = fc.integer({ min: 0, max: count - 1 });
  const two = fc.tuple(router, router).filter(([a, b]) => a !== b);
  const flow = fc
    .tuple(two, fc.integer({ min: 1, max: 9 }), fc.option(router))
    .map(([[from, to], rate, through]): FlowSpec => {
      const paths = through === null || through === from || through === to ? [] : [via(100, `r${through}`, `r${to}`)];
      return { from: `r${from}`, to: `r${to}`, rate, paths };
    });
  return fc.record({
    more: fc.array(fc.tuple(two, fc.constantFrom(10, 20)), { maxLength: 5 }),
    ring: fc.constant(Array.from({ length: count }, (_, at) => `r${at} r${(at + 1) % count}`)),
    flows: fc.array(flow, { minLength: 1, maxLength: 5 }),
  });
});

// Goal: loads and single failures as `NetworkLoads` has them, which works them out in another way.
test("failures against NetworkLoads", () => {
  const property = fc.property(worlds, ({ ring, more, flows: list }) => {
    const spec: Record<string, LinkSpec> = Object.fromEntries(ring.map((ends) => [ends, {}]));
    for (const [i, [[a, b], metric]] of more.entries()) spec[`r${a} r${b} x${i}`] = { metric };
    const given = Object.fromEntries(list.map((flow, i) => [`f${i}`, flow]));
    const of = backbone(networkOf(spec, given), given);
    const node = (name: string) => of.nodeOf.get(name) as number;
    const demands = {
      row: Int32Array.from(list.keys()),
      source: Int32Array.from(list, ({ from }) => node(from)),
      target: Int32Array.from(list, ({ to }) => node(to)),
      size: Float64Array.from(list, ({ rate }) => rate * gbit),
    };
    const paths = list.flatMap(({ from, paths: [path] = [] }, i) =>
      path ? [pathThrough(i, [node(from), ...path.segments.map(node)])] : [],
    );
    const other = new NetworkLoads(of.graph, demands, paths);
    const alike = (a: Float64Array, b: Float64Array) => {
      for (const [edge, load] of a.entries()) expect(load / gbit).toBeCloseTo((b[edge] ?? 0) / gbit, 6);
    };
    alike(backboneLoads(of), other.now.loads);
    const failures = new BackboneFailures(of);
    for (const [failure, edges] of of.physical.entries()) {
      const expected = other.whatIf({ removedEdges: edges }).loads.slice();
      alike(failures.loads(failure, new Map()), expected);
      // The same said as a change of every flow.
      const again = newPaths(of.flows.map(({ flow, paths: to }) => steer(flow.name, flow.headend, [], to)));
      alike(failures.loads(failure, again), expected);
    }
  });
  fc.assert(property, { numRuns: 100 });
});
