import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { verifyJournal } from "../../src/app/verify-journal.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { type Lab, startLab } from "../../src/lab/lab.ts";

const policy = `apiVersion: pointsman/v1
kind: Policy
metadata: { name: unattended, description: Moves without asking. }
spec:
  mode: auto
  scope: { links: { role: transit } }
  trigger: { signal: link.utilisation.in, above: 85%, clear: 65%, for: 2 of 3, every: 200ms }
  decide: { action: bgp-prepend, objective: cost, maxPrepends: 3, target: 75% }
  guard: { maxDevices: 2, maxTrafficMoved: 30%, freshness: 25 intervals, coverage: 50%, surviveAnyLinkFailure: true }
  approve: { people: 1, expires: 15m }
  verify: { observe: 400ms, require: ["link.utilisation.in below 85%"], forbid: [] }
  hold: 10m
`;

let folder: string;
let lab: Lab;
const controllers: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pointsman-crash-"));
  await writeFile(join(folder, "policy.yaml"), policy);
  const timing = { intervalMs: 200, peakAfterMs: 500, peakForMs: 600_000, reactionMs: 100 };
  lab = await startLab({
    scenario: "two-transits",
    folder: join(folder, "lab"),
    seed: 1,
    clock: systemClock,
    timing,
    policies: [join(folder, "policy.yaml")],
  });
});
afterEach(async () => {
  for (const child of controllers.splice(0)) await killed(child);
  await lab.stop();
  await rm(folder, { recursive: true, force: true });
});

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

/** A real controller process; calls back with every state a change reaches, as soon as the process says so. */
function startProcess(onState: (state: string, id: string) => void): ChildProcess {
  const child = spawn(
    process.execPath,
    [inject("program"), "run", "--json", "--config", lab.configFile, "--state", join(folder, "state")],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  controllers.push(child);
  createInterface({ input: child.stdout }).on("line", (line) => {
    const said = JSON.parse(line) as { change?: string; state?: string };
    if (said.change && said.state) onState(said.state, said.change);
  });
  return child;
}

const moved = (text: string | undefined) => text?.includes("<repeat-n>3</repeat-n>") === true;

// Goal: killed with -9 at any point, a restart finishes or undoes what was under way, and the journal still holds.
test.each([
  ["dry-run", "aborted"],
  ["preparing", "aborted"],
  ["committing", "rolled-back"],
  ["verifying", "rolled-back"],
  ["confirming", "confirmed"],
])(
  "kill -9 in %s: a restart ends it as %s",
  async (killAt, end) => {
    const initial = lab.configurations();
    await new Promise<void>((resolve) => {
      const child = startProcess((state) => {
        if (state !== killAt) return;
        void killed(child).then(resolve);
      });
    });
    const ended = await new Promise<string>((resolve) => {
      startProcess((state, id) => {
        if (id === "c1" && ["aborted", "rolled-back", "confirmed", "stuck"].includes(state)) resolve(state);
      });
    });
    expect(ended).toBe(end);
    if (end === "confirmed") expect(moved(lab.configurations()["edge-a"])).toBe(true);
    for (const child of controllers.splice(0)) await killed(child);
    if (end === "rolled-back") expect(lab.configurations()).toEqual(initial);
    expect(await verifyJournal(join(folder, "state"))).toMatchObject({ ok: true });
  },
  90_000,
);
