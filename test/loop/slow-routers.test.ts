import { expect, test } from "vitest";
import { inboundWorld, policy } from "./simulated-network.ts";
import { Simulation } from "./simulation.ts";

// Goal: however many decisions wait for slow routers, and for each other, the loop is seen to go on: health must not have it restarted amid
// an incident. Method: three policies with two hot links each, whose six decisions take 50 s each.
test("decisions that wait for slow routers", async () => {
  const otherPolicies = ["second", "third"].map((name) => ({ ...policy, name }));
  const simulation = await Simulation.of({ ...inboundWorld, otherPolicies }, 41);
  try {
    await simulation.run(10_000);
    let reads = 0;
    for (const router of simulation.routers) {
      const read = router.read.bind(router);
      router.read = async () => {
        await new Promise<void>((resolve) => void simulation.clock.after(50_000, resolve));
        reads += 1;
        return read();
      };
    }
    simulation.telemetry.offered.set("11.0.0.0/24", 900e6);
    simulation.telemetry.offered.set("12.0.0.0/24", 9_500e6);
    for (let passed = 0; passed < 400_000; passed += 1_000) {
      await simulation.run(1_000);
      expect(simulation.clock.now() - simulation.lookedMs).toBeLessThanOrEqual(55_000);
    }
    expect(reads, "of two routers each").toBeGreaterThanOrEqual(12);
  } finally {
    await simulation.end();
  }
});
