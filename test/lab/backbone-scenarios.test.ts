import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { BackboneScenario } from "../../src/lab/backbone-scenario.ts";
import { BackboneTraffic } from "../../src/lab/backbone-traffic.ts";
import type { Lab } from "../../src/lab/lab.ts";
import type { SegmentRoutingRule } from "../../src/lab/policy-forwarding.ts";
import { maintenanceDrain } from "../../src/lab/scenarios/maintenance-drain.ts";
import { trainingVsInference } from "../../src/lab/scenarios/training-vs-inference.ts";
import type { SimulatedClock } from "../support/simulated-clock.ts";
import { LabUnderTest, sampling } from "./lab-fixture.ts";
import { policiesEdit, policyXml, ruleXml } from "./segment-routing-fixture.ts";

/** The move that each scenario is made for: the way by flow, the endpoint included. */
type Move = Readonly<Record<string, readonly string[]>>;
const trainingMove: Move = { "training-1": ["south-1", "east"] };
const drainMove: Move = {
  "training-1": ["core-a", "edge-3"],
  "inference-1": ["core-a", "edge-3"],
  "batch-1": ["core-a", "edge-2"],
  "inference-2": ["core-a", "edge-1"],
};

function rulesOf(scenario: BackboneScenario, move: Move): Map<string, SegmentRoutingRule[]> {
  const rules = new Map<string, SegmentRoutingRule[]>();
  for (const { name, headend, endpoint, color } of scenario.flows) {
    const segments = move[name];
    if (!segments) continue;
    const sids = segments.map((device) => String(scenario.nodes[device]?.sid));
    const rule = { endpoint: scenario.nodes[endpoint]?.address ?? "", color, preference: 100, sids };
    rules.set(headend, [...(rules.get(headend) ?? []), rule]);
  }
  return rules;
}

/** Commits the move over NETCONF, on each headend it concerns. Gives these. */
async function push(under: LabUnderTest, scenario: BackboneScenario, move: Move): Promise<string[]> {
  const rules = rulesOf(scenario, move);
  for (const [device, of] of rules) {
    const inside = of.map((rule, index) => ruleXml({ ...rule, sequence: index + 1, sids: rule.sids.map(Number) }));
    expect(await under.commit(device, policiesEdit(policyXml("pointsman", inside.join(""))))).not.toContain(
      "rpc-error",
    );
  }
  return [...rules.keys()];
}

let under: LabUnderTest;
let lab: Lab;
let clock: SimulatedClock;
const startsLab = (name: "training-vs-inference" | "maintenance-drain") => async () => {
  under = await LabUnderTest.start(name);
  ({ lab, clock } = under);
};
/** To the next multiple of `step`: what is offered is noisy by 1%. */
const about = (value: number, step: number) => Math.round(value / step) / Math.round(1 / step);
/** Utilisation of the links that have any. */
const busy = () =>
  Object.fromEntries(
    Object.entries(lab.measure().utilisation)
      .filter(([, value]) => value > 0)
      .map(([link, value]) => [link, about(value, 0.05)]),
  );

describe("training-vs-inference", () => {
  beforeEach(startsLab("training-vs-inference"));
  afterEach(() => under.stop());

  // Goal: the arithmetic of the scenario, by the traffic that really runs.
  test("training on the short way costs inference its latency; on the long way both have room", async () => {
    expect(lab.measure().latencyP99Ms["inference-1"]).toBeCloseTo(3, 1);
    clock.advance(8_000);
    const before = lab.measure();
    expect(before.utilisation["north-east"]).toBe(1);
    expect(before.latencyP99Ms["inference-1"]).toBeGreaterThan(50);
    expect(before.loss["inference-1"]).toBeCloseTo(1 - 100 / 105, 1);
    const configurations = lab.configurations();

    expect(await push(under, trainingVsInference, trainingMove)).toEqual(["west-2"]);
    clock.advance(299);
    expect(lab.measure().utilisation["north-east"]).toBe(1);
    clock.advance(1);
    const after = lab.measure();
    expect(after.latencyP99Ms["inference-1"]).toBeLessThan(4);
    expect(after.latencyP99Ms["training-1"]).toBeCloseTo(15, 1);
    expect(after.loss).toEqual({ "inference-1": 0, "training-1": 0, "batch-1": 0 });
    expect(busy()).toEqual({
      ...{ "west-1-north": 0.3, "west-2-north": 0.2, "north-east": 0.5 },
      ...{ "west-2-south-1": 0.55, "south-1-south-2": 0.6, "south-2-east": 0.55 },
    });
    expect(Object.entries(lab.configurations()).filter(([device, text]) => configurations[device] !== text)).toEqual([
      ["west-2", expect.stringContaining("<policy-id>operators-own</policy-id>")],
    ]);
  });

  test("gNMI shows every interface of a router, both directions; Prometheus shows rate and latency of every flow", async () => {
    clock.advance(8_000);
    const ports = (await under.inventory()).links.filter(({ device }) => device === "north");
    expect(ports.map((link) => [link.interface, link.name])).toEqual([
      ["eth1", "north-west-1"],
      ["eth2", "north-west-2"],
      ["eth3", "north-east"],
    ]);
    const north = await under.gnmi("north");
    const streams = ["in-octets", "out-octets", "out-discards"].flatMap((counter) =>
      ports.map((port) => north.subscribe(sampling(counter, port.interface))),
    );
    for (const stream of streams) await stream.synced();
    clock.advance(500);
    for (const stream of streams) await stream.until(() => stream.leaves().length >= 2);
    const gains = streams.map((stream) => {
      const [first = 0, second = 0] = stream.leaves().map(([, value]) => Number(value));
      return second - first;
    });
    const gbits = (each: number, unit: number) => about((each * unit * 2) / 100e9, 0.05) * 100;
    expect(gains.slice(0, 6).map((octets) => gbits(octets, 8))).toEqual([30, 75, 0, 0, 0, 100]);
    expect(gains.slice(6).map((packets) => gbits(packets, 8_000))).toEqual([0, 0, 5]);

    const measured = lab.measure();
    const rates = await under.prometheus("flow_bits_per_second");
    expect(rates.map(({ labels, value }) => [labels.flow, Math.round(about(value / 100e9, 0.05) * 100)])).toEqual([
      ["inference-1", 30],
      ["training-1", 55],
      ["batch-1", 20],
    ]);
    const latencies = await under.prometheus("flow_latency_p99_seconds");
    expect(Object.fromEntries(latencies.map(({ labels, value }) => [labels.flow, value * 1000]))).toEqual(
      Object.fromEntries(Object.entries(measured.latencyP99Ms).map(([flow, ms]) => [flow, expect.closeTo(ms, 3)])),
    );
    expect(latencies[0]?.atMs).toBe(clock.now());
  });

  test("worse: once training has moved it fills the long way too; taken back, all is as before", async () => {
    lab.inject("worse");
    clock.advance(8_000);
    const before = lab.measure();
    await push(under, trainingVsInference, trainingMove);
    clock.advance(1_000);
    expect(lab.measure().utilisation["south-1-south-2"]).toBeGreaterThan(0.9);
    const gone = `<policy nc:operation="delete"><policy-id>pointsman</policy-id></policy>`;
    expect(await under.commit("west-2", policiesEdit(gone))).not.toContain("rpc-error");
    clock.advance(1_000);
    expect(lab.measure().latencyP99Ms["inference-1"]).toBeCloseTo(before.latencyP99Ms["inference-1"] ?? 0, 1);
    expect(lab.measure().utilisation["south-2-east"]).toBe(0);
  });

  test("lying-commit befalls the router that the change is to touch", async () => {
    lab.inject("lying-commit");
    const before = lab.configurations();
    expect(await push(under, trainingVsInference, trainingMove)).toEqual([trainingVsInference.faulty]);
    expect(lab.configurations()).toEqual(before);
  });

  test("pointsman.yaml has routers, links, classes and flows for segment routing", async () => {
    const { devices, links, ...others } = (await under.inventory()) as unknown as Record<string, object[]>;
    expect(devices?.[5]).toMatchObject({
      ...{ name: "east", platform: "openconfig", segmentRouting: { address: "10.255.0.6", sid: 16006 } },
      gnmi: { serverName: "east" },
    });
    expect(links).toHaveLength(16);
    expect(links?.[4]).toEqual({
      ...{ name: "north-east", device: "north", interface: "eth3", role: "backbone", capacity: "100 Gbit/s" },
      backbone: { to: "east", metric: 10, delay: "2ms" },
    });
    expect(others).toMatchObject({
      as: 65000,
      prefixes: [],
      classes: [{ name: "inference", prefers: "latency", maxDelay: "10ms", maxLoss: "0.1%" }, {}, {}],
      telemetry: {
        prometheus: {
          queries: {
            flowRate: { query: "flow_bits_per_second", flowLabel: "flow" },
            flowLatency: { query: "flow_latency_p99_seconds", flowLabel: "flow" },
          },
        },
      },
    });
    expect(others.flows?.[1]).toEqual({
      ...{ name: "training-1", class: "training", headend: "west-2", endpoint: "east", color: 200 },
    });
    const [policy] = (await under.inventory()).policies;
    expect(parse(await readFile(policy ?? "", "utf8"))).toMatchObject({
      metadata: { name: "training-vs-inference" },
      spec: { scope: { flows: { class: "inference" } }, decide: { action: "segment-routing" } },
    });
  });
});

describe("maintenance-drain", () => {
  beforeEach(startsLab("maintenance-drain"));
  afterEach(() => under.stop());

  test("core-b carries all, and nothing once each headend goes by core-a", async () => {
    const atB = () => Object.entries(lab.measure().utilisation).filter(([link]) => link.includes("core-b"));
    expect(Math.max(...atB().map(([, value]) => value))).toBeLessThan(0.005);
    clock.advance(8_000);
    expect(busy()).toEqual({
      ...{ "edge-1-core-b": 0.4, "edge-2-core-b": 0.2, "edge-3-core-b": 0.2 },
      ...{ "core-b-edge-1": 0.2, "core-b-edge-2": 0.1, "core-b-edge-3": 0.5 },
    });
    expect(await push(under, maintenanceDrain, drainMove)).toEqual(["edge-1", "edge-2", "edge-3"]);
    clock.advance(300);
    expect(atB().map(([, value]) => value)).toEqual([0, 0, 0, 0, 0, 0]);
    const { latencyP99Ms, loss, utilisation } = lab.measure();
    expect(Math.max(...Object.values(loss))).toBe(0);
    expect(Math.max(...Object.values(latencyP99Ms))).toBeCloseTo(6, 1);
    expect(utilisation["core-a-edge-3"]).toBeCloseTo(0.5, 1);
  });

  test("worse: a link fills over what verification allows", async () => {
    lab.inject("worse");
    clock.advance(8_000);
    await push(under, maintenanceDrain, { "training-1": ["core-c", "edge-3"] });
    clock.advance(300);
    expect(lab.measure().utilisation["core-c-edge-3"]).toBeGreaterThan(0.8);
  });
});

// Goal: no failure of a line leaves a link over its capacity, or the fullest over the target, that would not be so without the move.
test.each([
  ["training-vs-inference", trainingVsInference, trainingMove],
  ["maintenance-drain", maintenanceDrain, drainMove],
] as const)("the move of %s survives the failure of any line", (_, scenario, move) => {
  const timing = { peakAfterMs: 0, peakForMs: 600_000, rampMs: 1, reactionMs: 0 };
  const loads = (lost: string | undefined, rules: Map<string, SegmentRoutingRule[]>) => {
    const links = scenario.links.filter(
      ({ name, device, to }) => lost === undefined || (name !== lost && `${to}-${device}` !== lost),
    );
    const settings = new Map([...rules].map(([device, of]) => [device, { rules: of, queues: new Map() }] as const));
    const traffic = new BackboneTraffic({ seed: 1, startMs: 0, timing }, { ...scenario, links }, settings);
    traffic.advance(1_000);
    return new Map(
      links.map(({ name, capacity }) => {
        const offered = [...(traffic.flows().get(name)?.offered.values() ?? [])];
        return [name, offered.reduce((sum, rate) => sum + rate, 0) / capacity] as const;
      }),
    );
  };
  const rules = rulesOf(scenario, move);
  expect(Math.max(...loads(undefined, rules).values())).toBeLessThan(0.75);
  for (const { name: lost } of scenario.links) {
    const [without, withMove] = [loads(lost, new Map()), loads(lost, rules)];
    for (const [link, load] of withMove) {
      if (load > 1) expect(without.get(link), `${link} when ${lost} fails`).toBeGreaterThan(1);
    }
    const [fullest, allowed] = [Math.max(...withMove.values()), Math.max(0.75, ...without.values())];
    expect(fullest, `the fullest link when ${lost} fails`).toBeLessThanOrEqual(allowed * (1 + 1e-9));
  }
});
