import { expect, test } from "vitest";
import { bitsPerSecond } from "../../src/kernel/units.ts";
import type { NetworkState } from "../../src/model/network-state.ts";
import { anycastTraffic } from "../../src/te/anycast-traffic.ts";
import { chat, stateOf, withRates } from "./anycast-sites.ts";
import { nowMs } from "./two-transits.ts";

const freshMs = 30_000;
const paris = new Set(["transit-p1", "transit-p2"]);
const all = { "transit-p1": 200, "transit-p2": 100, "transit-l": 700, "transit-t": 0 };
const { "transit-p2": _, ...missing } = all;
const traffic = (state: NetworkState) => anycastTraffic(chat, paris, state, freshMs);

/** The flow collector reports another prefix on p2, and the router its rate. */
function heard(otherMs: number, linkMs: number): NetworkState {
  const state = withRates(stateOf(), missing);
  const other = { prefix: "198.51.100.0/24", link: "transit-p2", rate: bitsPerSecond(5e6), measuredMs: otherMs };
  const measured = { value: 5e6, fromMs: linkMs, toMs: linkMs };
  return {
    ...state,
    prefixes: [...state.prefixes, other],
    signals: new Map([...state.signals, ["link.rate.in" as const, new Map([["transit-p2", measured]])]]),
  };
}

test("what every link of every site gets", () => {
  expect(traffic(withRates(stateOf(), all))).toEqual({ total: 1_000e6, on: 300e6 });
});

// Goal: no data is never zero: one link without a rate, its own or another's, and the share is not known.
test.each(Object.keys(all))("not known without %s", (link) => {
  const rates = Object.fromEntries(Object.entries(all).filter(([name]) => name !== link));
  expect(traffic(withRates(stateOf(), rates))).toBeUndefined();
});

test("an old rate is none", () => {
  const state = withRates(stateOf(), all);
  const prefixes = state.prefixes.map((one) =>
    one.link === "transit-l" ? { ...one, measuredMs: nowMs - 31_000 } : one,
  );
  expect(traffic({ ...state, prefixes })).toBeUndefined();
});

test("a collector that is heard there and says nothing of the prefix says that there is none", () => {
  expect(traffic(heard(nowMs, nowMs))).toEqual({ total: 900e6, on: 200e6 });
  expect(traffic(heard(nowMs - 31_000, nowMs)), "it has fallen silent").toBeUndefined();
  expect(traffic(heard(nowMs, nowMs - 31_000)), "the link is not measured").toBeUndefined();
});
