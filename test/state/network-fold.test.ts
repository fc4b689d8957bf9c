import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bitsPerSecond } from "../../src/kernel/units.ts";
import type { Device, Link, Network } from "../../src/model/inventory.ts";
import { SeriesTable } from "../../src/model/sample.ts";
import { NetworkFold } from "../../src/state/network-fold.ts";
import * as site from "../te/anycast-sites.ts";

const intervalMs = 10_000;
const startMs = Date.UTC(2026, 0, 1);
const management = { host: "127.0.0.1", port: 22, username: "pointsman", hostKey: "SHA256:x" };
const device = (name: string, hasGnmi: boolean): Device => ({
  name,
  platform: "openconfig",
  management,
  ...(hasGnmi ? { gnmi: { host: "127.0.0.1", port: 9339, ca: "ca.pem" } } : {}),
});
const link = (name: string, of: string, capacity: number): Link => ({
  name,
  device: of,
  interface: "eth1",
  role: "transit",
  capacity: bitsPerSecond(capacity),
});
const network: Network = {
  as: 65000,
  devices: [device("edge-a", true), device("edge-b", false)],
  links: [link("transit-a", "edge-a", 1e9), link("transit-b", "edge-b", 1e10)],
  prefixes: ["10.0.0.0/24", "11.0.0.0/24"],
  classes: [],
  flows: [],
  telemetry: { intervalMs },
  freezes: [],
  anycast: [],
  shedWebhooks: [],
};

function folding() {
  const table = new SeriesTable();
  const fold = new NetworkFold(network, table);
  const counter = (leaf: string, target = "edge-a", eth = "eth1") =>
    table.intern({ target, name: `/interfaces/interface/state/counters/${leaf}`, labels: { "interface.name": eth } });
  const queried = (name: string, labels: Record<string, string>) =>
    table.intern({ target: "prometheus", name, labels });
  const rate = (direction: "in" | "out" = "in", of = "transit-a") =>
    fold.snapshot(startMs).signals.get(`link.rate.${direction}`)?.get(of);
  return { table, fold, counter, queried, rate };
}

describe("a rate from counters", () => {
  test("is octets to bits over the span between two samples, and utilisation its share of capacity", () => {
    const { fold, counter } = folding();
    for (const [at, octets] of [0, 1_125_000_000].entries()) {
      fold.number(counter("in-octets"), octets, startMs + at * intervalMs);
      fold.number(counter("out-octets"), octets / 10, startMs + at * intervalMs);
    }
    const span = { fromMs: startMs, toMs: startMs + intervalMs };
    const { signals, atMs } = fold.snapshot(startMs + 12_345);
    expect(atMs).toBe(startMs + 12_345);
    expect(Object.fromEntries([...signals].map(([name, byLink]) => [name, Object.fromEntries(byLink)]))).toEqual({
      "link.rate.in": { "transit-a": { value: 9e8, ...span } },
      "link.rate.out": { "transit-a": { value: 9e7, ...span } },
      "link.utilisation.in": { "transit-a": { value: 0.9, ...span } },
      "link.utilisation.out": { "transit-a": { value: 0.09, ...span } },
      "flow.rate": {},
      "path.latency.p99": {},
      "class.risk": {},
      "class.stress": {},
      "site.unwell": {},
    });
  });

  test("is not known from one sample", () => {
    const { fold, counter, rate } = folding();
    fold.number(counter("in-octets"), 5, startMs);
    expect(rate()).toBeUndefined();
  });

  // Goal: over any history of traffic, resets, lost, repeated and reordered samples, the rate is the one that the counter
  // really had over the span it names, and it is absent exactly when there are no two samples since the last reset.
  test("survives resets, gaps, repeats and reordering", () => {
    const step = fc.record({
      octets: fc.nat(2 ** 31),
      fate: fc.constantFrom("delivered", "delivered", "delivered", "lost", "twice", "late"),
      resetSeen: fc.constantFrom("decrease", "last-clear"),
      resets: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
        const { fold, counter, rate } = folding();
        const [series, clear] = [counter("in-octets"), counter("last-clear")];
        fold.number(clear, 1, startMs);
        let octets = 1_000;
        let late: { value: number; atMs: number } | undefined;
        // The samples that count: since the last reset, in order of source time.
        let counted: { value: number; atMs: number }[] = [];
        for (const [index, { octets: more, resets, resetSeen, fate }] of steps.entries()) {
          const atMs = startMs + (index + 1) * intervalMs;
          if (resets && resetSeen === "last-clear") {
            octets += more;
            fold.number(clear, (atMs - intervalMs / 2) * 1e6, atMs);
            counted = [];
            // From before the clear, though it comes after it.
            if (late) fold.number(series, late.value, late.atMs);
            late = undefined;
          } else octets += more;
          if (resets && resetSeen === "decrease") octets = 0;
          const sample = { value: octets, atMs };
          if (fate === "late") late = sample;
          if (fate === "delivered" || fate === "twice") {
            fold.number(series, octets, atMs);
            if (fate === "twice") fold.number(series, octets + 1, atMs);
            const last = counted.at(-1);
            counted = last && last.value > octets ? [sample] : [...counted, sample];
            // It comes after a newer one, and must change nothing.
            if (late) fold.number(series, late.value, late.atMs);
            late = undefined;
          }
          const [from, to] = counted.slice(-2);
          expect(rate()).toEqual(
            from && to
              ? {
                  value: ((to.value - from.value) * 8_000) / (to.atMs - from.atMs),
                  fromMs: from.atMs,
                  toMs: to.atMs,
                }
              : undefined,
          );
        }
      }),
      { numRuns: 500 },
    );
  });

  test("is not read from two samples closer than half an interval", () => {
    const { fold, counter, rate } = folding();
    const series = counter("in-octets");
    fold.number(series, 1_000, startMs);
    fold.number(series, 1_000, startMs + 200);
    expect(rate()).toBeUndefined();
    fold.number(series, 6_000, startMs + 5_000);
    expect(rate()).toEqual({ value: 8_000, fromMs: startMs, toMs: startMs + 5_000 });
  });

  test("starts anew when a sample too close to be rated was before the reset", () => {
    const { fold, counter, rate } = folding();
    const series = counter("in-octets");
    fold.number(series, 1_000, startMs);
    fold.number(series, 9_000, startMs + 200);
    fold.number(series, 2_000, startMs + 10_000);
    expect(rate()).toBeUndefined();
    fold.number(series, 3_000, startMs + 20_000);
    expect(rate()?.value).toBe(800);
  });

  test("stays when `last-clear` is told for the first time, or told again", () => {
    const { fold, counter, rate } = folding();
    for (const at of [0, 1]) fold.number(counter("in-octets"), at * 1_250, startMs + at * intervalMs);
    for (const at of [1, 2]) fold.number(counter("last-clear"), (startMs - 1) * 1e6, startMs + at * intervalMs);
    expect(rate()?.value).toBe(1_000);
  });

  test("is gone with its counter, and the other direction's is not", () => {
    const { fold, counter, rate } = folding();
    for (const at of [0, 1]) {
      fold.number(counter("in-octets"), at, startMs + at * intervalMs);
      fold.number(counter("out-octets"), at, startMs + at * intervalMs);
    }
    fold.gone(counter("in-octets"));
    expect(rate("in")).toBeUndefined();
    expect(rate("out")).toBeDefined();
    fold.number(counter("in-octets"), 7, startMs + 2 * intervalMs);
    expect(rate("in")).toBeUndefined();
  });

  test("of an interface that is no link is nobody's, and counted", () => {
    const { fold, counter, rate } = folding();
    for (const at of [0, 1]) fold.number(counter("in-octets", "edge-a", "eth9"), at, startMs + at * intervalMs);
    expect(rate()).toBeUndefined();
    expect(fold.unknownSeries).toBe(1);
  });
});

describe("a rate from a query", () => {
  test("serves the links whose device has no gNMI, and only those", () => {
    const { fold, queried, rate } = folding();
    for (const name of ["transit-a", "transit-b"]) {
      fold.number(queried("linkInbound", { link: name }), 5e9, startMs);
      fold.number(queried("linkOutbound", { link: name }), 1e9, startMs);
    }
    expect(rate("in", "transit-b")).toEqual({ value: 5e9, fromMs: startMs, toMs: startMs });
    expect(rate("out", "transit-b")).toEqual({ value: 1e9, fromMs: startMs, toMs: startMs });
    expect(rate("in", "transit-a")).toBeUndefined();
    expect(fold.snapshot(startMs).signals.get("link.utilisation.in")?.get("transit-b")?.value).toBe(0.5);
  });

  test("of a prefix is known per link, newest wins, and goes when it is gone", () => {
    const { fold, queried } = folding();
    const on = (link: string, prefix: string) => queried("prefixInbound", { link, prefix });
    fold.number(on("transit-a", "11.0.0.0/24"), 9e8, startMs);
    fold.number(on("transit-b", "11.0.0.0/24"), 0, startMs);
    fold.number(on("transit-a", "11.0.0.0/24"), 8e8, startMs + 1);
    fold.number(on("transit-a", "11.0.0.0/24"), 7e8, startMs);
    expect(fold.snapshot(startMs).prefixes).toEqual([
      { prefix: "11.0.0.0/24", link: "transit-a", rate: 8e8, measuredMs: startMs + 1 },
      { prefix: "11.0.0.0/24", link: "transit-b", rate: 0, measuredMs: startMs },
    ]);
    fold.gone(on("transit-a", "11.0.0.0/24"));
    expect(fold.snapshot(startMs).prefixes.map((one) => one.link)).toEqual(["transit-b"]);
    // The same sample again is news after it was gone.
    fold.number(on("transit-a", "11.0.0.0/24"), 8e8, startMs + 1);
    expect(fold.snapshot(startMs).prefixes.length).toBe(2);
  });

  test("of a prefix that is not listed is told apart, and gone with its series", () => {
    const { fold, queried } = folding();
    const series = queried("prefixInbound", { link: "transit-a", prefix: "192.0.2.0/24" });
    fold.number(series, 3e6, startMs);
    fold.number(series, 2e6, startMs - 1);
    expect(fold.snapshot(startMs).prefixes).toEqual([]);
    const told = { prefix: "192.0.2.0/24", link: "transit-a", rate: 3e6, measuredMs: startMs };
    expect(fold.unlisted("transit-a", startMs)).toEqual([told]);
    expect(fold.unlisted("transit-a", startMs + 1), "too old").toEqual([]);
    expect(fold.unlisted("transit-b", startMs)).toEqual([]);
    fold.gone(series);
    expect(fold.unlisted("transit-a", startMs)).toEqual([]);
    fold.number(series, 1e6, startMs + 1);
    expect(fold.unlisted("transit-a", startMs)).toEqual([{ ...told, rate: 1e6, measuredMs: startMs + 1 }]);
  });

  test("of a link outside the inventory is counted and not used", () => {
    const { fold, queried } = folding();
    fold.number(queried("prefixInbound", { link: "elsewhere", prefix: "11.0.0.0/24" }), 1, startMs);
    fold.number(queried("prefixInbound", { link: "elsewhere", prefix: "11.0.0.0/24" }), 2, startMs + 1);
    expect(fold.snapshot(startMs).prefixes).toEqual([]);
    expect(fold.unknownSeries).toBe(1);
  });

  // Goal: a hostile counter never makes a rate that is not finite, which would end the controller further on.
  test("beyond 64 bits is refused", () => {
    const { fold, queried, rate } = folding();
    const series = queried("linkInbound", { link: "transit-b" });
    for (const value of [2 ** 64 * 1.01, Number.MAX_VALUE]) fold.number(series, value, startMs);
    expect(rate("in", "transit-b")).toBeUndefined();
    expect(fold.refusedSamples).toBe(2);
  });

  test("that is negative is refused, and what was known stays", () => {
    const { fold, queried, rate } = folding();
    fold.number(queried("linkInbound", { link: "transit-b" }), 5, startMs);
    fold.number(queried("linkInbound", { link: "transit-b" }), -5, startMs + 1);
    expect(rate("in", "transit-b")?.value).toBe(5);
    expect(fold.refusedSamples).toBe(1);
  });
});

test("targets have their latest status, in a snapshot that later samples do not change", () => {
  const { fold } = folding();
  fold.target("edge-a", { state: "starting" });
  const before = fold.snapshot(startMs);
  fold.target("edge-a", { state: "down", reason: "unplugged" });
  expect(before.targets.get("edge-a")).toEqual({ state: "starting" });
  expect(fold.snapshot(startMs).targets.get("edge-a")).toEqual({ state: "down", reason: "unplugged" });
});

test("a listener hears of what changes a snapshot, and of nothing else", () => {
  const { fold, counter, table } = folding();
  let heard = 0;
  const end = fold.onUpdate(() => heard++);
  fold.number(counter("in-octets"), 1, startMs);
  fold.number(table.intern({ target: "edge-a", name: "/else", labels: {} }), 1, startMs);
  expect(heard).toBe(0);
  fold.number(counter("in-octets"), 2, startMs + intervalMs);
  expect(heard).toBe(1);
  fold.target("edge-a", { state: "synced" });
  expect(heard).toBe(2);
  end();
  fold.target("edge-a", { state: "down" });
  expect(heard).toBe(2);
});

test("more series than the arrays began with are placed", () => {
  const { fold, table, counter, rate } = folding();
  for (let n = 0; n < 5_000; n++) table.intern({ target: "edge-a", name: `/n${n}`, labels: {} });
  for (const at of [0, 1]) fold.number(counter("in-octets"), at * 1_250, startMs + at * intervalMs);
  expect(rate()?.value).toBe(1_000);
});

// Goal: a flow's rate and latency are known by its name, in bit/s and milliseconds, until they are gone.
test("flows", () => {
  const table = new SeriesTable();
  const flows = ["training", "inference"].map((name, color) => ({
    ...{ name, class: "any", headend: "edge-a", endpoint: "edge-b", color },
  }));
  const fold = new NetworkFold({ ...network, flows }, table);
  const series = (name: string, flow: string) => table.intern({ target: "prometheus", name, labels: { flow } });
  fold.number(series("flowRate", "training"), 4e9, startMs);
  fold.number(series("flowLatency", "inference"), 0.0125, startMs + 1);
  fold.number(series("flowLatency", "inference"), 7, startMs);
  fold.number(series("flowRate", "stranger"), 1, startMs);
  const of = (signal: "flow.rate" | "path.latency.p99") =>
    Object.fromEntries(fold.snapshot(startMs).signals.get(signal) ?? []);
  expect(of("flow.rate")).toEqual({ training: { value: 4e9, fromMs: startMs, toMs: startMs } });
  expect(of("path.latency.p99")).toEqual({ inference: { value: 12.5, fromMs: startMs + 1, toMs: startMs + 1 } });
  expect(fold.unknownSeries).toBe(1);
  fold.gone(series("flowRate", "training"));
  expect(of("flow.rate")).toEqual({});
});

// Goal: what a probe says is kept together, of the moment it began; an older one changes nothing, and an unknown site is nobody.
test("probes of anycast sites", () => {
  const table = new SeriesTable();
  const fold = new NetworkFold(site.network, table);
  const series = (name: string, of = "paris") => table.intern({ target: "anycast chat", name, labels: { site: of } });
  const probe = (unwell: number, reason: string, atMs: number, latencyMs?: number) => {
    fold.text(series("site.reason"), reason);
    if (latencyMs !== undefined) fold.number(series("site.latency"), latencyMs, atMs);
    fold.number(series("site.unwell"), unwell, atMs);
  };
  expect(fold.snapshot(0).sites.size).toBe(0);
  let told = 0;
  fold.onUpdate(() => told++);
  probe(1, "serves llama-7", 1_000, 12);
  expect(fold.snapshot(2_000).sites).toEqual(
    new Map([["paris", { well: false, reason: "serves llama-7", latencyMs: 12, measuredMs: 1_000 }]]),
  );
  probe(0, "an old one", 1_000, 5);
  probe(0, "serves llama-8", 2_000);
  expect(told, "once for each that counts").toBe(2);
  fold.number(series("site.unwell", "oslo"), 1, 3_000);
  const { sites, signals } = fold.snapshot(3_000);
  expect(sites, "and no latency of an earlier one").toEqual(
    new Map([["paris", { well: true, reason: "serves llama-8", measuredMs: 2_000 }]]),
  );
  expect(signals.get("site.unwell")).toEqual(new Map([["paris", { value: 0, fromMs: 2_000, toMs: 2_000 }]]));
});

// Goal: what an RPKI cache says is part of the state as long as it is known, and a change of it is news.
test("route origins are known, and forgotten", () => {
  const fold = new NetworkFold(network, new SeriesTable());
  let told = 0;
  fold.onUpdate(() => told++);
  const vrps = [{ prefix: "10.0.0.0/24", maxLength: 24, as: 65000 }];
  const origins = { cache: "rpki 127.0.0.1:323", vrps, measuredMs: startMs, expiresMs: startMs + 1 };
  fold.routeOrigins(origins);
  expect(fold.snapshot(startMs + 10).routeOrigins, "its age is the reader's to judge").toEqual(origins);
  fold.routeOrigins(undefined);
  expect(fold.snapshot(startMs)).not.toHaveProperty("routeOrigins");
  expect(told).toBe(2);
});
