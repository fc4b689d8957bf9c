import { rm } from "node:fs/promises";
import { fromArguments, outputClosed, whole } from "../support/command-line.ts";
import { mutated } from "./mutated.ts";
import { type Mutation, mutations } from "./mutations.ts";
import { lastLines, shrink } from "./shrink.ts";
import { type Run, type RunOptions, simulate } from "./simulate.ts";

const usage = `npm run simulate -- [--seeds 1000] [--from 1] [--seed N] [--minutes 30] [--trace] [--mutations [--near] [--only TEXT]]

--seed N     replays one seed; --trace prints all that happened in it
--mutations  breaks one line of the code at a time, and looks for the first seed that shows it; --near only looks where it was found`;

const options = {
  seeds: { type: "string" },
  from: { type: "string", default: "1" },
  seed: { type: "string" },
  minutes: { type: "string", default: "30" },
  trace: { type: "boolean", default: false },
  mutations: { type: "boolean", default: false },
  near: { type: "boolean", default: false },
  only: { type: "string", default: "" },
  help: { type: "boolean", default: false },
} as const;

const { values, minutes, from, seeds } = fromArguments({ usage, options }, (values) => {
  const { seed, seeds } = values;
  if (seed !== undefined && seeds !== undefined)
    throw new Error("--seed is one seed, --seeds is how many: give either");
  return {
    values,
    minutes: whole("minutes", values.minutes, 1),
    from: seed === undefined ? whole("from", values.from, 0) : whole("seed", seed, 0),
    seeds: seed === undefined ? whole("seeds", seeds ?? "1000", 1) : 1,
  };
});
const isClosed = outputClosed();

let current = from;
process.once("uncaughtExceptionMonitor", () => console.error(`at seed ${current}:`));

if (values.help) console.log(usage);
else if (values.mutations) process.exitCode = await hunt(mutations.filter(({ name }) => name.includes(values.only)));
else process.exitCode = await search();

/** Looks for a violation of the code as it is. */
async function search(): Promise<number> {
  const startedMs = Date.now();
  let pushes = 0;
  let confirmed = 0;
  for (let seed = from; seed < from + seeds && !isClosed(); seed++) {
    current = seed;
    const run = await simulate({ seed, minutes });
    pushes += run.pushes;
    confirmed += run.confirmed;
    if (values.trace) console.log(lastLines(run, run.lines.length).join("\n"));
    if (run.violation) return report(run, { seed, minutes });
    if (seeds === 1) console.log(`seed ${seed}: trace ${run.digest}`);
  }
  const { user, system } = process.cpuUsage();
  const took = `${Math.round((Date.now() - startedMs) / 1000)} s, ${Math.round((user + system) / 1e6)} s of one core`;
  console.log(
    `${seeds} seeds x ${minutes} simulated minutes in ${took}: ${pushes} changes pushed, ${confirmed} confirmed, no violation`,
  );
  return 0;
}

async function report(broken: Run, options: RunOptions): Promise<number> {
  const { run, needed } = await shrink(broken, options, simulate);
  console.log(`seed ${broken.seed} breaks ${broken.violation?.invariant}: ${broken.violation?.what}`);
  console.log(
    `needs ${needed.length === 0 ? "no fault" : needed.join(", ")}; with these alone: ${run.violation?.what}\n`,
  );
  console.log(lastLines(run).join("\n"));
  console.log(`\nnpm run simulate -- --seed ${broken.seed}${minutes === 30 ? "" : ` --minutes ${minutes}`}`);
  return 1;
}

/** Looks for each planted bug, and counts those that are not found. */
async function hunt(planted: readonly Mutation[]): Promise<number> {
  let missed = 0;
  for (const mutation of planted) {
    if (isClosed()) break;
    const { simulate: broken, folder } = await mutated(mutation);
    try {
      const first = values.near ? mutation.seed : from;
      const last = values.near ? mutation.seed : from + seeds - 1;
      const found = await firstViolation(broken, first, last);
      const expected = found?.violation?.invariant === mutation.caughtBy;
      if (!expected) missed += 1;
      const verdict = found ? `seed ${found.seed}, ${found.violation?.invariant}` : "not caught";
      console.log(
        `${expected ? "caught" : "MISSED"}: ${mutation.name}: ${verdict}${expected ? "" : `, not ${mutation.caughtBy}`}`,
      );
      if (found && !expected) console.log(found.violation?.what);
    } finally {
      await rm(folder, { recursive: true });
    }
  }
  console.log(`${planted.length - missed} of ${planted.length} planted bugs caught`);
  return missed === 0 ? 0 : 1;
}

async function firstViolation(run: typeof simulate, first: number, last: number): Promise<Run | undefined> {
  for (let seed = first; seed <= last && !isClosed(); seed++) {
    const found = await run({ seed, minutes });
    if (found.violation) return found;
  }
  return undefined;
}
