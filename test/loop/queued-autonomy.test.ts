import { expect, test } from "vitest";
import { ok } from "../../src/kernel/failure.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { AutonomyWatch } from "../../src/loop/autonomy.ts";
import { Ledger } from "../../src/loop/ledger.ts";
import { Runner } from "../../src/loop/runner.ts";
import type { Change } from "../../src/model/change.ts";
import type { NetworkState } from "../../src/model/network-state.ts";
import type { Policy } from "../../src/model/policy.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";
import { MemoryJournal } from "./memory-journal.ts";
import { MemoryRouter } from "./memory-router.ts";

const policy = { name: "p", mode: "auto", approve: { people: 1 } } as unknown as Policy;
const asOne: Change["origin"] = { kind: "policy", policy: "p" };
const asPerson: Change["origin"] = { kind: "operator", by: "ann", undoes: "c0" };

// Goal: a change that waited behind another one in `auto` does not go on alone when that one has cost their policy `auto`; a person's own
// rollback waits for nobody. Method: two changes in the runner's queue; the verdict on the first is as the table says.
test.each([
  ["as predicted", 0, asOne, "confirmed"],
  ["far from it", 0.3, asOne, "awaiting-approval"],
  ["far from it, before a person's rollback", 0.3, asPerson, "confirmed"],
] as const)("the change before it went %s", async (_, error, origin, state) => {
  const clock = new SimulatedClock();
  const journal = new MemoryJournal();
  const ledger = new Ledger(journal, clock);
  const autonomy = new AutonomyWatch({ policies: [policy], ledger, journal, onTrouble: () => undefined });
  const weather = { lost: 0, answerLost: 0 };
  const routers = ["a", "b"].map((name) => new MemoryRouter(name, "0\n", clock, seededRandom(1), weather));
  const predictionError = { of: "l", predicted: 0, measured: error, error };
  const runner = new Runner({
    ...{ ledger, clock, state: () => ({}) as NetworkState, nextTelemetry: async () => undefined },
    devices: new Map(routers.map((router) => [router.device, router])),
    guards: async () => ok([]),
    earned: (one) => autonomy.of(one),
    verify: () => ({ outcome: "better", findings: [], predictionError }),
  });
  for (const [index, { device }] of routers.entries()) {
    const step = { device, platform: "openconfig", query: "all", basis: "0\n", expected: "3\n" };
    const made = { id: `c${index + 1}`, state: "proposed", mode: "auto", origin: index === 0 ? asOne : origin };
    await ledger.add({
      ...{ ...made, policy, decision: { reason: "a test" }, plan: { steps: [step] } },
      ...{ diffs: {}, guards: [], approvals: [], times: {}, createdMs: 0, expiresMs: 900_000 },
      trial: { token: made.id, timeoutMs: 60_000 },
    } as unknown as Change);
    await ledger.advance(made.id, "begun");
  }
  await Promise.all([runner.run("c1"), runner.run("c2")]);
  expect(ledger.get("c1")?.state).toBe("confirmed");
  expect(ledger.get("c2")?.state).toBe(state);
  if (state === "confirmed") return;
  const lowered = expect.stringContaining("its last change missed the prediction by 30%");
  expect(ledger.get("c2")).toMatchObject({ mode: "propose", lowered });
  expect(routers.map(({ running }) => running)).toEqual(["3\n", "0\n"]);
});
