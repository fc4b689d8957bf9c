import { expect, test } from "vitest";
import { intervalMs, network } from "./simulated-network.ts";
import { Simulation } from "./simulation.ts";

const mbit = 1e6;
const runs = Number(process.env.SIMULATIONS ?? 12);
const firstSeed = Number(process.env.SEED ?? 1);

// Goal: whatever routers, telemetry, people and crashes do, the invariants of ARCHITECTURE.md hold; SEED=n SIMULATIONS=1 replays one.
test.each(Array.from({ length: runs }, (_, index) => firstSeed + index))("seed %i", async (seed) => {
  const simulation = await Simulation.start(seed, seed % 3 === 0 ? { mode: "auto" } : {});
  const { random, weather, telemetry } = simulation;
  const chance = (share: number) => random() < share;
  try {
    let quietMs = 0;
    for (let step = 0; step < 300; step++) {
      if (chance(0.05)) telemetry.offered.set("11.0.0.0/24", (chance(0.6) ? 900 : 250) * mbit);
      if (chance(0.02)) telemetry.offered.set("12.0.0.0/24", (chance(0.5) ? 5_000 : 9_000) * mbit);
      if (chance(0.03)) telemetry.silent = !telemetry.silent;
      if (chance(0.05))
        Object.assign(weather, chance(0.5) ? { lost: 0, answerLost: 0 } : { lost: 0.2, answerLost: 0.2 });
      if (simulation.dead) {
        if (chance(0.3)) await simulation.boot();
      } else if (chance(0.02)) {
        await simulation.crash();
      }
      quietMs = telemetry.silent ? quietMs + intervalMs : 0;
      const known = simulation.changes.length;
      await simulation.run(intervalMs);
      if (simulation.dead) continue;
      const stale = quietMs > network.telemetry.intervalMs * 5;
      if (stale) expect(simulation.changes.length, "no decision from stale data").toBeLessThanOrEqual(known);
      await press(simulation, chance);
    }
    Object.assign(weather, { lost: 0, answerLost: 0 });
    telemetry.silent = false;
    telemetry.offered.set("11.0.0.0/24", 300 * mbit);
    telemetry.offered.set("12.0.0.0/24", 5_000 * mbit);
    if (simulation.dead) await simulation.boot();
    // Longer than an approval's expiry, a hold, and a router's own timer.
    await simulation.run(1_200_000);
    for (const change of simulation.changes) {
      if (change.state === "stuck") await simulation.controller.rollback(change.id, "ann", "mended");
      if (change.state === "awaiting-approval") await simulation.controller.reject(change.id, "ann", "the end");
    }
    await simulation.run(60_000);
    simulation.checkQuiet();
    expect(await (await simulation.controller.verifyAudit()).ok).toBe(true);
  } finally {
    await simulation.end();
  }
});

/** What people do: mostly approve, sometimes something else. */
async function press(simulation: Simulation, chance: (share: number) => boolean): Promise<void> {
  const { controller } = simulation;
  for (const { id, state } of simulation.changes) {
    if (state === "awaiting-approval" && chance(0.3)) await controller.approve(id, "ann");
    if (state === "awaiting-approval" && chance(0.05)) await controller.reject(id, "bob", "no");
    if (state === "verifying" && chance(0.05)) await controller.rollback(id, "bob", "back");
    if (state === "confirmed" && chance(0.005)) await controller.rollback(id, "bob", "after all");
    if (state === "stuck" && chance(0.2)) await controller.rollback(id, "ann", "again");
  }
  if (chance(0.01)) await controller.kill("bob", "smoke");
  if (chance(0.1)) await controller.resume("bob");
}
