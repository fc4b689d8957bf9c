import { afterEach, expect, test } from "vitest";
import type { Vrp } from "../../src/model/route-origins.ts";
import { announcedBy, inboundWorld, SimulatedTelemetry } from "./simulated-network.ts";
import { Simulation, type World } from "./simulation.ts";

/** With an RPKI cache, which knows nothing until it is told. */
class TelemetryWithOrigins extends SimulatedTelemetry {
  vrps: readonly Vrp[] | undefined;
  expiresMs = Number.POSITIVE_INFINITY;

  override snapshot(nowMs: number) {
    const { vrps, expiresMs } = this;
    const known = vrps && { routeOrigins: { cache: "rpki 127.0.0.1:323", vrps, measuredMs: nowMs, expiresMs } };
    return { ...super.snapshot(nowMs), ...known };
  }
}

const world: World<TelemetryWithOrigins> = {
  ...inboundWorld,
  network: { ...inboundWorld.network, rpki: { caches: [{ host: "127.0.0.1", port: 323 }], requireValid: true } },
  telemetry: (routers) => new TelemetryWithOrigins(routers),
};

let simulation: Simulation<TelemetryWithOrigins>;
afterEach(() => simulation.end());

const heavy = "11.0.0.0/24";
const ours: Vrp = { prefix: heavy, maxLength: 24, as: inboundWorld.network.as };
const theirs: Vrp = { ...ours, as: 64_999 };
const prepends = () => announcedBy(simulation.routers).get(`${heavy} transit-a`);

/** At the peak, with the cache saying so. */
async function peakWith(seed: number, vrps: readonly Vrp[] | undefined): Promise<void> {
  simulation = await Simulation.of(world, seed);
  simulation.telemetry.vrps = vrps;
  simulation.telemetry.offered.set(heavy, 900e6);
}
async function explained() {
  const explanation = await simulation.controller.explain("transit-a");
  if (!explanation.ok) throw explanation.failure;
  return explanation.value;
}
async function proposed() {
  const waiting = () => simulation.changes.find(({ state }) => state === "awaiting-approval");
  await simulation.until(() => waiting() !== undefined, 180_000);
  return waiting()?.id ?? "";
}
const change = (id: string) => simulation.changes.find((one) => one.id === id);

// Goal: what is not to be announced is not even proposed, and it is explained.
test.each<[string, readonly Vrp[] | undefined, string]>([
  ["invalid", [theirs], "guard rpki: 11.0.0.0/24 from AS 65000 is RPKI-invalid"],
  ["not found", [], "guard rpki: no VRP covers 11.0.0.0/24"],
  ["not known", undefined, "guard rpki-data: no RPKI cache has been synchronised"],
])("%s: denied", async (_, vrps, reason) => {
  await peakWith(1, vrps);
  await simulation.run(10_000);
  expect(simulation.changes).toEqual([]);
  expect(await explained()).toMatchObject({ outcome: "denied", reason: expect.stringContaining(reason) });
});

// Goal: once the RPKI says that it is ours, what was denied is proposed and made.
test("denied until it is valid", async () => {
  await peakWith(1, [theirs]);
  await simulation.run(10_000);
  expect(await explained()).toMatchObject({ outcome: "denied" });
  simulation.telemetry.vrps = [theirs, ours];
  const id = await proposed();
  await simulation.controller.approve(id, "ann");
  await simulation.until(() => change(id)?.state === "confirmed", 60_000);
  expect(prepends()).toBe(3);
});

// Goal: an approval does not outlive the facts: what has become invalid, or is no longer known, stops at the push.
test.each<[string, () => void, RegExp]>([
  ["invalid", () => Object.assign(simulation.telemetry, { vrps: [theirs] }), /rpki: .*RPKI-invalid/],
  ["expired", () => Object.assign(simulation.telemetry, { expiresMs: simulation.clock.now() }), /rpki-data: .*expired/],
])("%s after the proposal", async (_, turn, reason) => {
  await peakWith(2, [ours]);
  const id = await proposed();
  turn();
  await simulation.controller.approve(id, "ann");
  await simulation.until(() => change(id)?.outcome !== undefined, 60_000);
  expect(change(id)?.outcome).toMatchObject({ code: "GUARD_DENIED", message: expect.stringMatching(reason) });
  expect(prepends()).toBe(0);
});

// Goal: a person's rollback needs no fresh data, as it leads to what ran before; but what is known to be another's is not announced for anyone.
test("a rollback", async () => {
  await peakWith(3, [ours]);
  const id = await proposed();
  await simulation.controller.approve(id, "ann");
  await simulation.until(() => change(id)?.state === "confirmed", 60_000);
  const rollBack = async () => {
    const asked = await simulation.controller.rollback(id, "ann", "no longer wanted");
    if (!asked.ok) return asked.failure.code;
    await simulation.until(() => ["confirmed", "aborted"].includes(change(asked.value.id)?.state ?? ""), 60_000);
    return change(asked.value.id)?.state;
  };
  simulation.telemetry.vrps = [theirs];
  expect(await rollBack()).not.toBe("confirmed");
  expect(prepends()).toBe(3);
  simulation.telemetry.vrps = undefined;
  expect(await rollBack()).toBe("confirmed");
  expect(prepends()).toBe(0);
});
