import { describe, test } from "vitest";
import { Pointsman } from "../cli/process.ts";

type ClassTruth = { latencyP99Ms: number; loss: number; carried: number; gpuUtilisation?: number };
type Measured = { latencyP99Ms: Record<string, number>; classes: Record<string, ClassTruth> };
type Evidence = { signal: string; of: string; raised: boolean };
type Report = {
  before: Measured;
  after: Measured;
  attribution: { verdict: string; reason: string; evidence: Evidence[] };
  proposal: { reason: string; predicted: { queues: { class: string; offered: number; after: { carried: number } }[] } };
};

async function demo(...args: string[]) {
  const { code, out, err } = await Pointsman.run("demo", ...args, "--approve", "--json");
  return { code, err, report: JSON.parse(out || "{}") as Report };
}

const of = (measured: Measured, name: string) => measured.classes[name] as ClassTruth;

// Each waits for its own lab most of the time, so they do it side by side.
describe.concurrent("service classes in the emulated lab", () => {
  // Goal: a flood stands in the way of inference; queues let inference past it, and batch still flows.
  test("inference-latency", { timeout: 60_000 }, async ({ expect }) => {
    const { code, err, report } = await demo("inference-latency");
    expect(code, err).toBe(0);
    expect(report).toMatchObject({
      outcome: "confirmed",
      attribution: { verdict: "network" },
      proposal: { changes: [{ action: "qos", diff: expect.stringContaining("pointsman") }] },
    });
    const { before, after } = report;
    expect(of(before, "interactive").latencyP99Ms).toBeGreaterThan(50);
    expect(of(after, "interactive").latencyP99Ms).toBeLessThan(10);
    expect(of(after, "interactive").loss).toBe(0);
    expect(of(after, "batch").carried).toBeGreaterThan(0.3 * of(before, "batch").carried);
  });

  // Goal: the network starves GPUs, and after the change it does not.
  test("gpu-throttling", { timeout: 60_000 }, async ({ expect }) => {
    const { code, err, report } = await demo("gpu-throttling");
    expect(code, err).toBe(0);
    expect(report.attribution.verdict).toBe("network");
    expect(of(report.before, "training").gpuUtilisation).toBeLessThan(0.7);
    expect(of(report.after, "training").gpuUtilisation).toBeGreaterThan(0.9);
  });

  // Goal: slow machines behind a clean path are told of, with the evidence, and nothing on the network is touched.
  test("compute-bound", { timeout: 60_000 }, async ({ expect }) => {
    const { code, err, report } = await demo("compute-bound");
    expect(code, err).toBe(3);
    expect(report).toMatchObject({
      outcome: "compute",
      proposal: null,
      configurationsAsBefore: true,
      attribution: { verdict: "compute" },
    });
    const { evidence } = report.attribution;
    expect(evidence.filter(({ of: part }) => part === "path").every(({ raised }) => !raised)).toBe(true);
    expect(evidence.some(({ of: part, raised }) => part === "compute" && raised)).toBe(true);
  });

  // Goal: in a spike batch gives way before standard, nobody is held under the floor, and interactive keeps its objective.
  test("spike-admission", { timeout: 60_000 }, async ({ expect }) => {
    const { code, err, report } = await demo("spike-admission");
    expect(code, err).toBe(0);
    expect(of(report.before, "interactive").latencyP99Ms).toBeGreaterThan(10);
    expect(of(report.after, "interactive").latencyP99Ms).toBeLessThan(10);
    expect(of(report.after, "interactive").loss).toBe(0);
    const held = (name: string) => {
      const queue = report.proposal.predicted.queues.find((one) => one.class === name);
      return 1 - (queue?.after.carried ?? 0) / (queue?.offered ?? 1);
    };
    expect(held("batch")).toBeGreaterThan(held("standard"));
    expect(held("interactive")).toBe(0);
    expect(of(report.after, "batch").carried).toBeGreaterThan(0);
  });

  // Goal: the forecast fires while the objective still holds, and after the change it goes on holding.
  test("slow-burn", { timeout: 60_000 }, async ({ expect }) => {
    const { code, err, report } = await demo("slow-burn");
    expect(code, err).toBe(0);
    expect(report.proposal.reason).toContain("at this slope");
    expect(of(report.before, "interactive").latencyP99Ms).toBeLessThan(10);
    expect(of(report.after, "interactive").latencyP99Ms).toBeLessThan(10);
  });
});
