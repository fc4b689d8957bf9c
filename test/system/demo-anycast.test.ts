import { describe, test } from "vitest";
import { Pointsman } from "../cli/process.ts";

type Report = {
  before: { utilisation: Record<string, number> };
  after: { utilisation: Record<string, number>; loss: Record<string, number> };
};

async function demo(...args: string[]) {
  const { code, out, err } = await Pointsman.run("demo", "stale-model", "--approve", "--json", ...args);
  return { code, err, report: JSON.parse(out || "{}") as Report };
}

// Each waits for its own lab most of the time, so they do it side by side.
describe.concurrent("stale-model", () => {
  // Goal: the site that stayed behind gets traffic before and none after, the others carry it, and nothing is lost.
  test("confirms", { timeout: 60_000 }, async ({ expect }) => {
    const { code, err, report } = await demo();
    expect(code, err).toBe(0);
    expect(report).toMatchObject({
      scenario: "stale-model",
      outcome: "confirmed",
      proposal: {
        reason: expect.stringContaining("serves llama-7 while the registry says llama-8"),
        changes: [{ device: "edge-p", action: "anycast-drain", prefix: "10.64.0.0/24", link: "transit-p" }],
      },
    });
    const { before, after } = report;
    expect(before.utilisation["transit-p"]).toBeGreaterThan(0.3);
    expect(after.utilisation["transit-p"]).toBe(0);
    expect(after.utilisation["transit-l"]).toBeGreaterThan(before.utilisation["transit-l"] ?? 1);
    expect(after.loss).toEqual({ "10.64.0.0/24": 0 });
  });

  // Goal: users come back in numbers and slow another site down: its probe says so, and the drain is taken back.
  test("--fault worse, exit 6", { timeout: 60_000 }, async ({ expect }) => {
    const { code, err, report } = await demo("--fault", "worse");
    expect(code, err).toBe(6);
    expect(report).toMatchObject({
      outcome: "rolled-back",
      configurationsAsBefore: true,
      why: { code: "VERIFY_WORSE", message: expect.stringContaining("london: required site.unwell below 50%: 100%") },
    });
  });
});
