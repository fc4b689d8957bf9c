import { describe, expect, test } from "vitest";
import { Pointsman } from "../cli/process.ts";

type Figures = Record<string, number>;
type Report = {
  before: { utilisation: Figures; loss: Figures; latencyP99Ms: Figures };
  after: { utilisation: Figures; loss: Figures; latencyP99Ms: Figures };
  proposal: { alternatives: { summary: string; whyNot: string }[] } | null;
};

async function demo(...args: string[]) {
  const { code, out, err } = await Pointsman.run("demo", ...args, "--approve", "--json");
  return { code, err, report: JSON.parse(out || "{}") as Report };
}
const timings = ["detectMs", "decideMs", "dryRunMs", "pushMs", "verifyMs"];

// Each waits for its own lab most of the time, so they do it side by side.
describe.concurrent("segment routing in the emulated lab", () => {
  // Goal: training leaves the path that inference needs, inference is fast again, and nothing is lost; the contract of `two-transits`.
  test("training-vs-inference confirms", { timeout: 60_000 }, async ({ expect }) => {
    const { code, err, report } = await demo("training-vs-inference");
    expect(code, err).toBe(0);
    const diff = expect.stringContaining("<srte-preference>100</srte-preference>");
    expect(report).toMatchObject({
      scenario: "training-vs-inference",
      outcome: "confirmed",
      proposal: {
        reason: expect.stringContaining("Steer training-1"),
        changes: [{ device: "west-2", action: "segment-routing", flow: "training-1", diff }],
        predicted: { flows: [{ flow: "training-1", before: { delayMs: 3 }, after: { delayMs: 15 } }] },
      },
      timings: Object.fromEntries(timings.map((name) => [name, expect.any(Number)])),
    });
    const { before, after, proposal } = report;
    expect(before.latencyP99Ms["inference-1"]).toBeGreaterThan(50);
    expect(before.loss["inference-1"]).toBeGreaterThan(0.01);
    expect(after.latencyP99Ms["inference-1"]).toBeLessThan(10);
    expect(after.loss).toEqual({ "inference-1": 0, "training-1": 0, "batch-1": 0 });
    expect(after.utilisation["north-east"]).toBeLessThan(0.6);
    expect(proposal?.alternatives.length).toBeGreaterThan(1);
    expect(proposal?.alternatives.every(({ whyNot }) => whyNot !== "")).toBe(true);
  });

  // Goal: the router that is to be worked on carries nothing, and no link is too full for it.
  test("maintenance-drain confirms", { timeout: 60_000 }, async ({ expect }) => {
    const { code, err, report } = await demo("maintenance-drain");
    expect(code, err).toBe(0);
    const { before, after } = report;
    const onCoreB = (figures: Figures) =>
      Math.max(...Object.entries(figures).map(([link, use]) => (link.includes("core-b") ? use : 0)));
    expect(onCoreB(before.utilisation)).toBeGreaterThan(0.4);
    expect(onCoreB(after.utilisation)).toBe(0);
    expect(Math.max(...Object.values(after.utilisation))).toBeLessThan(0.75);
    expect(Object.values(after.loss)).toEqual([0, 0, 0, 0]);
  });

  test.each([
    ["training-vs-inference", "worse", 6, "rolled-back"],
    ["maintenance-drain", "blind", 5, "blind"],
  ])("%s --fault %s, exit %i", { timeout: 60_000 }, async (scenario, fault, exit, outcome) => {
    const { code, err, report } = await demo(scenario, "--fault", fault);
    expect(code, err).toBe(exit);
    expect(report).toMatchObject({ outcome, configurationsAsBefore: true });
  });
});
