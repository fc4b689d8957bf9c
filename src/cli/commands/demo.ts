import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Argument, Command, Option } from "commander";
import type { DemoReport } from "../../app/demo.ts";
import { faults, type ScenarioName, scenarioNames } from "../../app/scenarios.ts";
import { systemClock } from "../../kernel/clock.ts";
import { Failure } from "../../kernel/failure.ts";
import { formatMs, formatPercent, formatRate } from "../../kernel/units.ts";
import type { Conclusion } from "../../model/conclusion.ts";
import type { Trouble } from "../../model/controller.ts";
import { exitCode, exitCodeFor } from "../exit.ts";
import { globalsOf, wholeNumber } from "../options.ts";
import { evidenceTable } from "../show-change.ts";
import { stopSignal } from "../stop-signal.ts";
import { tell } from "../tell.ts";
import { note, print, printJson, table, whoAmI } from "../terminal.ts";

type DemoOptions = { approve: boolean; fault?: (typeof faults)[number]; seed: number };

export function demoCommand(): Command {
  return new Command("demo")
    .description("emulated routers and a controller on them, on loopback; with --approve it ends by itself")
    .addArgument(new Argument("<scenario>").choices(scenarioNames))
    .option("--approve", "approve the proposal, and report how it ended; takes no --state, as it leaves none", false)
    .addOption(new Option("--fault <fault>", "what goes wrong").choices(faults))
    .option("--seed <number>", "seed of the traffic model, 0 to 4294967295", wholeNumber(0, 2 ** 32 - 1), 1)
    .action(async (scenario: ScenarioName, options: DemoOptions, command: Command) => {
      const { state, json } = globalsOf(command);
      if (options.approve && command.getOptionValueSourceWithGlobals("state") === "cli") {
        throw new Failure("CONFIG_INVALID", "demo --approve leaves no state", { mend: "leave out --state" });
      }
      if (options.approve) return toItsEnd(scenario, options, json);
      return untilStopped(scenario, options, state, json);
    });
}

async function toItsEnd(scenario: ScenarioName, { seed, fault }: DemoOptions, json: boolean): Promise<void> {
  const { runDemo, startDemo } = await import("../../app/demo.ts");
  const stopping = new AbortController();
  void stopSignal().then(() => stopping.abort());
  const onProgress = json ? () => undefined : note;
  const onTrouble = ({ where, failure }: Trouble) =>
    onProgress(`${where}: ${failure ? failure.message : "well again"}`);
  const stateFolder = await mkdtemp(join(tmpdir(), "pointsman-demo-"));
  try {
    const onConclusion = ({ target, reason }: Conclusion) => onProgress(`${target}: ${reason}`);
    const demo = await startDemo({ scenario, seed, stateFolder, clock: systemClock, onTrouble, onConclusion });
    try {
      const options = {
        scenario,
        ...(fault ? { fault } : {}),
        by: whoAmI(),
        clock: systemClock,
        onProgress,
        stopped: stopping.signal,
      };
      const report = await Promise.race([runDemo(demo, options), demo.running.failed]);
      if (json) printJson(report);
      else print(showReport(report));
      const { outcome, why } = report;
      process.exitCode = exitCodeOfDemo(outcome, why);
    } finally {
      await demo.stop();
    }
  } finally {
    await rm(stateFolder, { recursive: true, force: true });
  }
}

function exitCodeOfDemo(outcome: DemoReport["outcome"], why: DemoReport["why"]): number {
  if (outcome === "blind") return exitCode.blocked;
  if (outcome === "compute") return exitCode.nothingToDo;
  return exitCodeFor({ state: outcome, ...(why ? { outcome: why } : {}) });
}

async function untilStopped(
  scenario: ScenarioName,
  { seed, fault }: DemoOptions,
  stateFolder: string,
  json: boolean,
): Promise<void> {
  const { startDemo } = await import("../../app/demo.ts");
  const told = tell(json, stateFolder);
  const demo = await startDemo({
    scenario,
    seed,
    stateFolder,
    clock: systemClock,
    onTrouble: told.trouble,
    onConclusion: told.conclusion,
  });
  const { lab, running } = demo;
  if (fault) lab.inject(fault);
  demo.onTransition(told.transition);
  told.listening([...lab.endpoints, { name: "controller", protocol: "api", url: running.url }]);
  try {
    await Promise.race([stopSignal(), running.failed]);
  } finally {
    told.stopping();
    await demo.stop();
  }
}

function showReport(report: DemoReport): string {
  const { outcome, attribution, proposal, before, after, timings, configurationsAsBefore, why } = report;
  const rows = (pick: "utilisation" | "loss" | "latencyP99Ms", title: string, format: (value: number) => string) =>
    Object.keys(before[pick]).map((name) => [
      `${title} ${name}`,
      format(before[pick][name] ?? 0),
      format(after[pick][name] ?? 0),
    ]);
  const isIdle = ([, was, is]: string[]) => was === is && is === formatPercent(0);
  const cost = ["cost per hour", before.costPerHour.toFixed(2), after.costPerHour.toFixed(2)];
  const lines = [`outcome: ${outcome}${why ? ` (${why.code}: ${why.message})` : ""}`];
  if (attribution) lines.push(attribution.reason, evidenceTable(attribution));
  if (proposal) lines.push(proposal.reason, ...new Set(proposal.changes.map(({ diff }) => diff.trimEnd())));
  lines.push(
    table(
      ["MEASURED", "BEFORE", "AFTER"],
      [
        ...rows("utilisation", "utilisation", formatPercent).filter((row) => !isIdle(row)),
        ...rows("loss", "loss", formatPercent),
        ...rows("latencyP99Ms", "p99 latency", formatMs),
        ...Object.keys(before.classes).flatMap((name) => classRows(name, before.classes[name], after.classes[name])),
        ...(before.costPerHour > 0 ? [cost] : []),
      ],
    ),
    ...report.shed.map(({ class: name, level, reason }) => `shed level ${level} of ${name}: ${reason}`),
    Object.entries(timings)
      .map(([name, ms]) => `${name} ${Math.round(ms)}`)
      .join("  "),
    configurationsAsBefore ? "every router reads as it did at the start" : "the routers read as the change says",
  );
  return lines.join("\n");
}

type Feels = DemoReport["before"]["classes"][string];

/** What a class carries, and what its users and machines feel, as far as it has that. */
function classRows(name: string, before: Feels | undefined, after: Feels | undefined): string[][] {
  const row = (title: string, key: keyof Feels, format: (value: number) => string) => {
    const [was, is] = [before?.[key], after?.[key]];
    return was === undefined || is === undefined ? [] : [[`${title} ${name}`, format(was), format(is)]];
  };
  return [
    ...row("carried", "carried", formatRate),
    ...row("p95 first token", "firstTokenP95Ms", formatMs),
    ...row("requests waiting", "requestsWaiting", (count) => String(Math.round(count))),
    ...row("GPU utilisation", "gpuUtilisation", formatPercent),
  ];
}
