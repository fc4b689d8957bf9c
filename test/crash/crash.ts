import type { ChangeState } from "../../src/model/change.ts";
import { buildProgram } from "../support/built-program.ts";
import { fromArguments, outputClosed, whole } from "../support/command-line.ts";
import { underWay } from "./aim.ts";
import { type Kill, runScene } from "./scene-run.ts";
import { scenes } from "./scenes.ts";
import { Violation } from "./violation.ts";

// Goal: whenever the controller dies during a change, a restart ends it on all of its routers or on none. Method: the real
// process (`pointsman run`) on an emulated lab over sockets, killed with -9 at seeded moments while a change is under way, also
// while it recovers from the kill before; then the journal, the routers and the states are compared.
//   npm run test:crash -- [--kills 200] [--seed N] [--workers 2] [--only two-transits]
// The seed gives the scenes and where to aim; when a kill really lands is the machine's.

const usage = "npm run test:crash -- [--kills 200] [--seed N] [--workers 2] [--only two-transits]";
const options = {
  kills: { type: "string", default: process.env.KILLS ?? "200" },
  seed: { type: "string", default: String(Date.now() % 1_000_000) },
  workers: { type: "string", default: "2" },
  only: { type: "string" },
} as const;
const { wanted, seed, workers, chosen } = fromArguments({ usage, options }, ({ only, ...values }) => {
  const chosen = scenes.filter(({ scenario }) => only === undefined || only === scenario);
  if (chosen.length === 0)
    throw new Error(`--only ${only} is not one of ${[...new Set(scenes.map((one) => one.scenario))]}`);
  return {
    chosen,
    wanted: whole("kills", values.kills, 1),
    seed: whole("seed", values.seed, 0),
    workers: whole("workers", values.workers, 1),
  };
});
const isClosed = outputClosed();
const killsPerScene = 12;

const startedMs = Date.now();
const { program, remove } = await buildProgram();
const kills: Kill[] = [];
const ends: ChangeState[] = [];
let violations = 0;
let next = 0;

console.log(`seed ${seed}: ${wanted} kills, ${workers} scenes at a time`);
await Promise.all(Array.from({ length: workers }, work));
await remove();
summarise();
process.exitCode = violations > 0 || (kills.length < wanted && !isClosed()) ? 1 : 0;

async function work(): Promise<void> {
  while (kills.length < wanted && violations === 0 && !isClosed()) {
    const number = next++;
    const scene = chosen[number % chosen.length];
    if (!scene) throw new Error("there is a scene");
    const name = `scene ${number} (${scene.scenario}, ${scene.mode}, fault ${scene.fault}, seed ${seed + number})`;
    let inScene = 0;
    const onKill = (kill: Kill) => {
      inScene++;
      kills.push(kill);
      const when = `${kill.recovering ? ", recovering" : ""}${kill.late ? ", restarted late" : ""}`;
      console.log(`kill ${kills.length}: scene ${number}, ${kill.change} ${kill.state}${when}`);
    };
    try {
      const goesOn = () => inScene < killsPerScene && kills.length < wanted && !isClosed();
      ends.push(...(await runScene({ scene, seed: seed + number, goesOn, program, onKill })));
    } catch (error) {
      violations++;
      console.log(`VIOLATION in ${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      if (error instanceof Violation) for (const line of error.trail) console.log(`  ${line}`);
    }
  }
}

function summarise(): void {
  const count = <Of>(all: readonly Of[], what: Of) => all.filter((one) => one === what).length;
  const states = kills.map(({ state }) => state);
  const byState = underWay.map((state) => `${state} ${count(states, state)}`).join(", ");
  const byEnd = [...new Set(ends)].map((state) => `${state} ${count(ends, state)}`).join(", ");
  const recovering = kills.filter((kill) => kill.recovering).length;
  const late = kills.filter((kill) => kill.late).length;
  console.log(
    `killed while: ${byState}; ${recovering} of them in recovery, ${late} restarted after the routers' timers`,
  );
  console.log(`changes ended: ${byEnd}`);
  const minutes = ((Date.now() - startedMs) / 60_000).toFixed(1);
  console.log(`seed ${seed}: ${kills.length} kills, ${violations} violations, ${minutes} min`);
}
