import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { startController } from "../../src/app/controller.ts";
import { claimStateFolder } from "../../src/app/state-folder.ts";
import { secretResolver } from "../../src/config/secrets.ts";
import { loadSettings } from "../../src/config/settings.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { unwrap } from "../../src/kernel/failure.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { startLab } from "../../src/lab/lab.ts";
import { type Change, finalStates } from "../../src/model/change.ts";
import { barePush } from "./bare-push.ts";

// From the sample that crosses the threshold to the change on the wire (its edit-config, as the router receives it) and to
// confirmation: a whole lab and controller per run, auto mode,
// no observation wait beyond the one fresh sample that a verdict needs, the first breach fires. The threshold is where only
// the heavy prefix helps: lower on the way up, moving the light one would still look right. Beside it, in the same lab and
// the same run, what another NETCONF client (node-netconf) needs for the bare push alone: connect, edit-config, commit.

const runs = Number(process.env.RUNS ?? 50);
const intervalMs = 100;

const policy = `apiVersion: pointsman/v1
kind: Policy
metadata: { name: bench, description: Fires at the first sample over the threshold. }
spec:
  mode: auto
  scope: { links: { role: transit } }
  trigger: { signal: link.utilisation.in, above: 95%, clear: 65%, for: 1 of 1, every: ${intervalMs}ms }
  decide: { action: bgp-prepend, objective: cost, maxPrepends: 3, target: 75% }
  guard: { maxDevices: 2, maxTrafficMoved: 30%, freshness: 5 intervals, coverage: 50%, surviveAnyLinkFailure: true }
  approve: { people: 1, expires: 15m }
  verify: { observe: ${intervalMs}ms, require: ["link.utilisation.in below 100%"], forbid: [] }
  hold: 20s
`;

async function once(seed: number): Promise<{ change: Change; editedMs: number | undefined; bareMs: number }> {
  const folder = await mkdtemp(join(tmpdir(), "pointsman-bench-"));
  const policyFile = join(folder, "bench.yaml");
  await writeFile(policyFile, policy);
  const timing = { intervalMs, peakAfterMs: 2_000, peakForMs: 600_000, reactionMs: 0 };
  const edits: number[] = [];
  const lab = await startLab({
    ...{
      scenario: "two-transits",
      folder: join(folder, "lab"),
      seed,
      clock: systemClock,
      timing,
      policies: [policyFile],
    },
    onOperation: (_device, name) => name === "edit-config" && edits.push(systemClock.now()),
  });
  const settings = unwrap(await loadSettings(lab.configFile));
  let ended: (change: Change) => void = () => undefined;
  const end = new Promise<Change>((resolve) => {
    ended = resolve;
  });
  const stateFolder = await claimStateFolder(join(folder, "state"));
  const running = await startController({
    settings,
    stateFolder,
    apiPort: 0,
    resolveSecret: secretResolver(dirname(lab.configFile), process.env),
    clock: systemClock,
    random: seededRandom(seed),
    onTransition: (change) => finalStates.includes(change.state) && ended(change),
    onConclusion: () => undefined,
    onTrouble: ({ where, failure }) => console.error(`seed ${seed}: ${where}: ${failure?.message ?? "well"}`),
  });
  try {
    const change = await Promise.race([end, running.failed]);
    const [router] = settings.network.devices;
    if (!router) throw new Error("the lab has routers");
    const password = (await readFile(join(dirname(lab.configFile), "password"), "utf8")).trim();
    const pushStartedMs = change.times.pushStartedMs ?? Number.POSITIVE_INFINITY;
    const editedMs = edits.find((atMs) => atMs >= pushStartedMs); // Those before are the dry run's.
    return { change, editedMs, bareMs: await barePush(router.management, password) };
  } finally {
    await running.stop();
    await stateFolder.release();
    await lab.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function report(figure: string, values: readonly number[]): void {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0);
  console.log(JSON.stringify({ bench: "loop", figure, runs: sorted.length, medianMs: at(0.5), p99Ms: at(0.99) }));
}

const toFirstByte: number[] = [];
const toConfirm: number[] = [];
const toCommitted: number[] = [];
const bare: number[] = [];
let unconfirmed = 0;
for (let run = 1; run <= runs; run++) {
  const { change, editedMs, bareMs } = await once(run);
  const { crossedMs, committedMs, endedMs } = change.times;
  bare.push(bareMs);
  if (change.state !== "confirmed" || !crossedMs || !editedMs || !committedMs || !endedMs) {
    unconfirmed += 1;
    console.error(`run ${run}: ${change.state} ${JSON.stringify(change.outcome)}`);
    continue;
  }
  toFirstByte.push(editedMs - crossedMs);
  toCommitted.push(committedMs - crossedMs);
  toConfirm.push(endedMs - crossedMs);
}
report("crossing sample to first byte of the change", toFirstByte);
report("crossing sample to committed on trial", toCommitted);
report("crossing sample to confirmed", toConfirm);
report("peer: node-netconf, bare connect + edit-config + commit", bare);
if (unconfirmed > 0) console.log(JSON.stringify({ bench: "loop", figure: "not confirmed", runs: unconfirmed }));
