import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { secretResolver } from "../config/secrets.ts";
import { loadSettings } from "../config/settings.ts";
import { type Clock, sleep } from "../kernel/clock.ts";
import { Failure, unwrap } from "../kernel/failure.ts";
import { seededRandom } from "../kernel/random.ts";
import { runAll } from "../kernel/run-all.ts";
import { type Fault, type Lab, type LabMeasurement, startLab } from "../lab/lab.ts";
import { type Change, finalStates } from "../model/change.ts";
import type { Attribution } from "../model/class-health.ts";
import type { Conclusion } from "../model/conclusion.ts";
import type { Trouble } from "../model/controller.ts";
import type { Alternative, Prediction } from "../model/decision.ts";
import type { ShedLevel } from "../model/shed.ts";
import { type RunningController, startController } from "./controller.ts";
import type { ScenarioName } from "./scenarios.ts";
import { claimStateFolder } from "./state-folder.ts";

/** The truth, by the lab's traffic model: utilisation per link, loss per prefix or flow, latency per flow, cost per hour, and what each class feels. */
type Measurement = Pick<LabMeasurement, "utilisation" | "loss" | "latencyP99Ms" | "costPerHour" | "classes">;

export type DemoReport = Readonly<{
  scenario: string;
  /** How the change ended. No change was proposed: `blind`, for want of telemetry; `compute`, as the network is not to blame. */
  outcome: Change["state"] | "blind" | "compute";
  /** What applications were told to offer less of, while it was made. */
  shed: readonly ShedLevel[];
  /** Who is to blame, where a service class was at risk. */
  attribution?: Attribution;
  proposal: Readonly<{
    id: string;
    reason: string;
    changes: readonly Readonly<{
      device: string;
      action: string;
      prefix?: string;
      flow?: string;
      link?: string;
      diff: string;
    }>[];
    alternatives: readonly Alternative[];
    predicted: Prediction;
  }> | null;
  before: Measurement;
  after: Measurement;
  timings: Readonly<{ detectMs?: number; decideMs?: number; dryRunMs?: number; pushMs?: number; verifyMs?: number }>;
  /** Every router's configuration is byte for byte what it was at the start. */
  configurationsAsBefore: boolean;
  why?: Change["outcome"];
}>;

export type Demo = Readonly<{
  lab: Lab;
  running: RunningController;
  /** Calls back after every transition of a change. */
  onTransition(listener: (change: Change) => void): void;
  /** Resolves with the proposal once it waits for approval, or with the conclusion that the network is not to blame. */
  concluded: Promise<Change | Conclusion>;
  stop(): Promise<void>;
}>;

/** A lab and a controller on it, in this process, on loopback. `stateFolder` is where the CLI finds the controller. */
export async function startDemo(options: {
  scenario: ScenarioName;
  seed: number;
  stateFolder: string;
  clock: Clock;
  onTrouble: (trouble: Trouble) => void;
  onConclusion: (conclusion: Conclusion) => void;
}): Promise<Demo> {
  const { scenario, seed, clock } = options;
  const stateFolder = await claimStateFolder(options.stateFolder);
  const stops: (() => Promise<void>)[] = [stateFolder.release];
  const stop = () => runAll(stops.splice(0).reverse());
  try {
    // The routers are new each time: a journal of earlier ones would be about nothing. What a killed demo left goes too.
    const forget = () => forgetDemo(stateFolder.path);
    await forget();
    stops.push(forget);
    const lab = await startLab({ scenario, folder: join(stateFolder.path, demoLab), seed, clock });
    stops.push(lab.stop);
    const listeners = new Set<(change: Change) => void>();
    const onTransition = (listener: (change: Change) => void) => void listeners.add(listener);
    let onBlameless: (conclusion: Conclusion) => void = () => undefined;
    const concluded = new Promise<Change | Conclusion>((resolve) => {
      onBlameless = resolve;
      onTransition((change) => change.state === "awaiting-approval" && resolve(change));
    });
    const running = await startController({
      settings: unwrap(await loadSettings(lab.configFile)),
      stateFolder,
      journalName: demoJournal,
      apiPort: 0,
      resolveSecret: secretResolver(dirname(lab.configFile), process.env),
      clock,
      random: seededRandom(seed),
      onTransition(change) {
        for (const listener of listeners) listener(change);
      },
      onTrouble: options.onTrouble,
      onConclusion(conclusion) {
        options.onConclusion(conclusion);
        if (conclusion.outcome === "compute") onBlameless(conclusion);
      },
    });
    stops.push(running.stop);
    lab.calmFromNow();
    return { lab, running, onTransition, concluded, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The emulated internet follows a change within this. */
const reactionMs = 1_000;
/** How long the lab gives the loop to see, decide and dry-run, and then to push, verify and settle. */
const patienceMs = 60_000;

/** Runs a scenario from its start to the end of its change, approving it as `by`; `fault` is switched on at the moment it tells most. */
export async function runDemo(
  demo: Demo,
  options: {
    scenario: string;
    fault?: Fault;
    by: string;
    clock: Clock;
    /** Ends it early, with Failure STOPPED. */
    stopped: AbortSignal;
    onProgress: (text: string) => void;
  },
): Promise<DemoReport> {
  const { lab, running } = demo;
  const { scenario, fault, by, clock, stopped, onProgress } = options;
  const initial = JSON.stringify(lab.configurations());
  const asBefore = () => JSON.stringify(lab.configurations()) === initial;
  if (fault === "worse" || fault === "lying-commit") lab.inject(fault);
  if (fault === "blind") {
    const before = await goBlind(demo, options);
    return { scenario, outcome: "blind", ...withoutProposal(before, lab), configurationsAsBefore: asBefore() };
  }
  onProgress("calm; waiting for the peak");
  const proposal = await within(options, demo.concluded, "no proposal came");
  const before = measured(lab);
  if (!("decision" in proposal)) {
    onProgress(proposal.reason);
    const { attribution } = proposal;
    const blame = attribution ? { attribution } : {};
    const configurationsAsBefore = asBefore();
    return { scenario, outcome: "compute", ...blame, ...withoutProposal(before, lab), configurationsAsBefore };
  }
  onProgress(`proposed ${proposal.id}: ${proposal.decision.reason}`);
  if (fault === "dead-router") lab.inject(fault);
  const ended = new Promise<Change>((resolve) => {
    demo.onTransition((change) => {
      if (change.id !== proposal.id) return;
      onProgress(`${change.id} is ${change.state}`);
      if (finalStates.includes(change.state) || change.state === "stuck") resolve(change);
    });
  });
  unwrap(await running.controller.approve(proposal.id, by));
  // It has one person only: where two are needed, a second is played.
  if ((proposal.needs?.people ?? 1) > 1) unwrap(await running.controller.approve(proposal.id, `second-${by}`));
  const change = await within(options, ended, `${proposal.id} did not end`);
  const shed = (await running.controller.shed()).filter(({ level }) => level > 0);
  await sleep(clock, reactionMs, stopped);
  return {
    scenario,
    outcome: change.state,
    shed,
    ...(change.decision.attribution ? { attribution: change.decision.attribution } : {}),
    proposal: {
      id: change.id,
      reason: change.decision.reason,
      changes: change.decision.changes.map((one) => ({
        device: one.device,
        action: one.action,
        ...aboutOf(one),
        diff: change.diffs[one.device] ?? "",
      })),
      alternatives: change.decision.alternatives,
      predicted: change.decision.predicted,
    },
    before,
    after: measured(lab),
    timings: timingsOf(change),
    configurationsAsBefore: asBefore(),
    ...(change.outcome ? { why: change.outcome } : {}),
  };
}

const withoutProposal = (before: Measurement, lab: Lab) => ({
  proposal: null,
  shed: [],
  before,
  after: measured(lab),
  timings: {},
});

function aboutOf(change: Change["decision"]["changes"][number]): { prefix?: string; flow?: string; link?: string } {
  switch (change.action) {
    case "bgp-prepend":
      return { prefix: change.prefix };
    case "segment-routing":
      return { flow: change.flow };
    case "qos":
      return { link: change.link };
    case "anycast-drain":
      return { prefix: change.prefix, link: change.link };
  }
}

/** Stops the telemetry while all is calm, then waits for the peak: the loop must say that it is blind, and propose nothing. */
async function goBlind(demo: Demo, options: Parameters<typeof runDemo>[1]): Promise<Measurement> {
  const { clock, stopped, onProgress } = options;
  const { lab, running } = demo;
  const links = async () => (await running.controller.status()).policies;
  await until(options, async () => (await links()).every((one) => one.value !== undefined), "no telemetry came");
  lab.inject("blind");
  onProgress("telemetry has stopped");
  const before = measured(lab);
  await until(options, async () => (await links()).every((one) => one.state === "blind"), "the loop did not notice");
  onProgress("every policy is blind; waiting for the peak");
  await until(options, async () => lab.peaked(), "the peak did not come");
  // Long enough for any policy of the scenario to have fired, had it seen the peak.
  await sleep(clock, 10 * 500, stopped);
  const { open, policies } = await running.controller.status();
  if (open.length > 0 || policies.some((one) => one.state !== "blind")) {
    throw new Failure("TELEMETRY_FAILED", "something was proposed without telemetry");
  }
  return before;
}

function measured(lab: Lab): Measurement {
  const { utilisation, loss, latencyP99Ms, costPerHour, classes } = lab.measure();
  const rounded = <Of extends object>(by: Of) =>
    Object.fromEntries(Object.entries(by).map(([name, value]) => [name, round(value as number, 6)])) as Of;
  return {
    utilisation: rounded(utilisation),
    loss: rounded(loss),
    latencyP99Ms: rounded(latencyP99Ms),
    costPerHour: round(costPerHour, 4),
    classes: Object.fromEntries(Object.entries(classes).map(([name, feels]) => [name, rounded(feels)])),
  };
}

/** No digits that only floating point put there. */
const round = (value: number, digits: number) => Number(value.toFixed(digits));

function timingsOf({ times }: Change): DemoReport["timings"] {
  const span = (name: string, from?: number, to?: number) =>
    from === undefined || to === undefined ? {} : { [name]: round(to - from, 1) };
  return {
    ...span("detectMs", times.crossedMs, times.detectedMs),
    ...span("decideMs", times.detectedMs, times.decidedMs),
    ...span("dryRunMs", times.decidedMs, times.dryRunMs),
    ...span("pushMs", times.pushStartedMs, times.committedMs),
    ...span("verifyMs", times.committedMs, times.verifiedMs),
  };
}

type Waiting = Readonly<{ clock: Clock; stopped: AbortSignal }>;

async function within<T>({ clock, stopped }: Waiting, work: Promise<T>, otherwise: string): Promise<T> {
  const done = new AbortController();
  const late = sleep(clock, patienceMs, AbortSignal.any([done.signal, stopped])).then(() => {
    throw stopped.aborted ? stoppedEarly() : tooLate(otherwise);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    late.catch(() => undefined); // It has lost the race.
    done.abort();
  }
}

async function until({ clock, stopped }: Waiting, holds: () => Promise<boolean>, otherwise: string): Promise<void> {
  const deadlineMs = clock.now() + patienceMs;
  while (!(await holds())) {
    if (stopped.aborted) throw stoppedEarly();
    if (clock.now() > deadlineMs) throw tooLate(otherwise);
    await sleep(clock, 50, stopped);
  }
}

const stoppedEarly = () => new Failure("STOPPED", "the demo was stopped before its end");
const tooLate = (what: string) => new Failure("TELEMETRY_FAILED", `${what} within ${patienceMs / 1000} s`);

const demoJournal = "demo.sqlite";
const demoLab = "demo-lab";

async function forgetDemo(stateFolder: string): Promise<void> {
  const journal = ["", "-wal", "-shm"].map((end) => demoJournal + end);
  for (const name of [...journal, demoLab]) await rm(join(stateFolder, name), { recursive: true, force: true });
}
