import { randomUUID } from "node:crypto";
import { assert } from "../../kernel/assert.ts";
import type { Clock } from "../../kernel/clock.ts";
import { changesBetween, threeWayDiff, unifiedDiff } from "../../kernel/diff.ts";
import { attempt, Failure } from "../../kernel/failure.ts";
import type { DevicePort, DeviceStep, Trial } from "../../model/device.ts";
import type { ResolveSecret } from "../../model/inventory.ts";
import type { Dialect } from "./dialect.ts";
import { pack } from "./packed.ts";
import { RouterShell, type ShellHost } from "./router-shell.ts";
import { dropLock, takeLock, trialScripts } from "./trial-scripts.ts";

export type ShellDeviceOptions = Readonly<{
  device: ShellHost;
  resolveSecret: ResolveSecret;
  clock: Clock;
  /** For one command on the router; default 20 s. */
  commandTimeoutMs?: number;
  /** On the router; the account must own it or be able to make it. */
  stateFolder?: string;
}>;

/** From prepare to commit; a holder that died is out of the way after this. */
const prepareLeaseS = 60;
/** How long a lock outlives its trial's timer, for the revert and the read-back. */
const leaseMarginS = 60;

/**
 * A router that has a POSIX shell, over SSH, and neither a candidate nor a confirmed commit. Locks and trials are files on the
 * router; a trial is a timer there that is running before the first line is sent and sends `inverse` unless it is disarmed. How the
 * router is read and told, and how a change is tried out, is the dialect's.
 */
export function shellDevice(options: ShellDeviceOptions, dialect: Dialect): DevicePort {
  const { device, resolveSecret, clock, commandTimeoutMs = 20_000, stateFolder = "/var/lib/pointsman" } = options;
  const { name } = device;
  const { tool, look, packages } = dialect;
  assert(/^(\/[A-Za-z0-9._-]+)+$/.test(stateFolder), "the state folder is a plain absolute path");
  const shell = new RouterShell({ device, resolveSecret, clock, commandTimeoutMs, packages, look });
  const scripts = trialScripts(dialect.functions, dialect.saving?.functions);
  const holder = `pointsman-${randomUUID()}`;
  let holding = false;

  const run = (script: string, args: readonly string[] = [], input?: string) =>
    shell.run(script, [stateFolder, ...args], input);

  async function readSection(query: string): Promise<string> {
    const { word, rest } = await run(dialect.readScript);
    const section = word === "running" ? dialect.select(rest, query) : undefined;
    if (section === undefined) throw dialect.unreadable(device, word, rest);
    return section;
  }

  async function lock(leaseS: number, token: string): Promise<void> {
    const { word } = await run(takeLock, [holder, String(leaseS), token]);
    if (word !== "locked") throw lockedBy(word);
    holding = true;
  }

  async function unlock(token: string): Promise<void> {
    await run(dropLock, [holder, token]);
    holding = false;
  }

  function lockedBy(word: string): Failure {
    const [, other = "another session", seconds = "10"] = word.split(" ");
    return new Failure("DEVICE_LOCKED", `${name}: ${other} holds the configuration for up to ${seconds} s more`, {
      retry: "later",
      mend: "Wait for its change to end, or for its lock to run out",
    });
  }

  /** Ends with the router at `basis`, or throws: by a revert started now, or by the timer if it was faster. */
  async function revert(step: DeviceStep, token: string, from: string): Promise<void> {
    if (from !== "fired") await run(scripts.startRevert, [token, from]);
    const waitS = Math.max(1, Math.floor(commandTimeoutMs / 1000) - 1);
    const { word } = await run(scripts.awaitRevert, [token, String(waitS)]);
    if (word === "refused") throw await notReverted(step, token);
    if (word !== "reverted") {
      throw new Failure("DEVICE_TIMEOUT", `${name}: the revert of trial ${token} is still going on after ${waitS} s`, {
        retry: "now",
        mend: `It goes on by itself; see ${stateFolder}/trials/${token}/log on the router`,
      });
    }
    const now = await readSection(step.query);
    if (now !== step.basis) {
      throw new Failure(
        "DEVICE_NOT_APPLIED",
        `${name}: after the revert of trial ${token} running is not what it was:\n${changesBetween(step.basis, now)}`,
        { mend: `Restore it by hand; ${tool}'s words are in ${stateFolder}/trials/${token}/log on the router` },
      );
    }
  }

  function changedByOther(step: DeviceStep, from: string, now: string): Failure {
    return new Failure("DEVICE_CHANGED", `${name}: someone else changed it:\n${changesBetween(from, now)}`, {
      mend: `Look at the difference; nothing was touched on ${step.device}`,
    });
  }

  function changedSince({ basis, expected }: DeviceStep, now: string): Failure {
    const diff = threeWayDiff(name, basis, expected, now);
    return new Failure("DEVICE_CHANGED", `${name}: someone else changed what the change made of it:\n${diff}`, {
      mend: `Look at the difference; nothing was touched on ${name}`,
    });
  }

  /** The revert found that what it would edit is not what the trial put there. */
  async function notReverted(step: DeviceStep, token: string): Promise<Failure> {
    const now = await readSection(step.query);
    return new Failure(
      "DEVICE_CHANGED",
      `${name}: trial ${token} was not reverted, because someone else replaced a ${dialect.unit} of it:\n${changesBetween(step.expected, now)}`,
      { mend: `Look at the ${dialect.unit}; nothing was sent. Put it back and undo, or mend it by hand` },
    );
  }

  const expired = (token: string) =>
    new Failure("TRIAL_EXPIRED", `${name}: trial ${token} was not confirmed in time, the router went back by itself`);

  /** What outlives a reboot follows running. */
  async function persist(token: string, change: "keep" | "forget"): Promise<void> {
    if (!scripts.save || !dialect.saving) return;
    const { word, rest } = await run(scripts.save, [token, change]);
    if (word === "saved") return;
    throw new Failure("DEVICE_REFUSED", `${name}: the configuration could not be saved: ${dialect.errorIn(rest)}`, {
      mend: dialect.saving.mend,
    });
  }

  async function prepare(step: DeviceStep): Promise<string> {
    const foreign = dialect.unsupported(step);
    if (foreign) throw foreign;
    await lock(prepareLeaseS, noToken);
    try {
      const now = await readSection(step.query);
      if (now !== step.basis) throw changedByOther(step, step.basis, now);
      const candidate = await candidateOf(step);
      if (candidate !== step.expected) {
        throw new Failure(
          "DEVICE_REFUSED",
          `${name}: the router would read the change otherwise than planned:\n${changesBetween(step.expected, candidate)}`,
          { mend: "The plan's model of this router is wrong: report it with this difference" },
        );
      }
      return unifiedDiff(name, now, candidate);
    } catch (error) {
      // A lost connection cannot give the lock back; then it runs out.
      await attempt(() => unlock(noToken));
      throw error;
    }
  }

  /** What the router would read with `forward` on top of `basis`. */
  async function candidateOf(step: DeviceStep): Promise<string> {
    const { word, rest } = await run(dialect.tryOutScript, [], pack(dialect.tryOutInput(step)));
    const candidate = word === "candidate" ? dialect.select(rest, step.query) : undefined;
    if (candidate !== undefined) return candidate;
    if (word === "syntax" || word === "apply") throw refused(rest);
    if (word === "kills-at-logout") {
      throw new Failure(
        "DEVICE_UNSUPPORTED",
        `${name}: systemd-logind ends a user's processes at logout, so a timer would not outlive the session`,
        { mend: `Set KillUserProcesses=no in /etc/systemd/logind.conf, or exclude ${device.management.username}` },
      );
    }
    throw dialect.cannotTryOut(device, word, rest) ?? unexpected(word);
  }

  const refused = (said: string) =>
    new Failure("DEVICE_REFUSED", `${name}: ${tool} refused the change: ${dialect.errorIn(said)}`, {
      mend: "Nothing of it is left running; correct the template or the plan",
    });

  const unexpected = (word: string) =>
    new Failure("DEVICE_PROTOCOL", `${name}: an answer that no script gives: ${JSON.stringify(word.slice(0, 80))}`, {
      mend: "Check that the account's login shell prints nothing of its own",
    });

  async function commitOnTrial(step: DeviceStep, trial: Trial): Promise<void> {
    assert(holding, "a step is prepared before it is committed");
    const foreign = dialect.unsupported(step);
    if (foreign) throw foreign;
    const token = checked(trial.token);
    const seconds = (trial.timeoutMs / 1000).toFixed(3);
    const leaseS = String(Math.ceil(trial.timeoutMs / 1000) + leaseMarginS);
    const armed = await run(scripts.arm, [token, holder, seconds, leaseS], payloads(step));
    if (armed.word === "lost-lock") {
      holding = false;
      throw new Failure("DEVICE_LOCKED", `${name}: the lock taken by prepare ran out and someone else had it since`, {
        retry: "later",
        mend: "Prepare the change again",
      });
    }
    if (armed.word === "no-timer") {
      throw new Failure("DEVICE_UNSUPPORTED", `${name}: the revert timer did not start, nothing was changed`, {
        mend: `See ${stateFolder}/trials/${token}/log on the router`,
      });
    }
    if (armed.word === "used") {
      throw new Failure("DEVICE_REFUSED", `${name}: trial ${token} has been on this router before`, {
        mend: "Every trial needs a token of its own",
      });
    }
    if (armed.word !== "armed") throw unexpected(armed.word);

    const applied = await run(scripts.apply, [token]);
    const failure =
      applied.word === "done"
        ? await notApplied(step)
        : applied.word === "refused"
          ? refused(applied.rest)
          : applied.word === "changed"
            ? changedByOther(step, step.basis, await readSection(step.query))
            : expired(token);
    if (failure) {
      await revert(step, token, "armed");
      throw failure;
    }
    await run(scripts.markApplied, [token]);
  }

  async function notApplied(step: DeviceStep): Promise<Failure | undefined> {
    const now = await readSection(step.query);
    if (now === step.expected) return undefined;
    return new Failure(
      "DEVICE_NOT_APPLIED",
      `${name}: ${tool} took the change and running reads otherwise, so it was taken back:\n${changesBetween(step.expected, now)}`,
      { mend: "Look for another writer or a bug of the router; the plan can be made again" },
    );
  }

  async function confirm(step: DeviceStep, trial: Trial): Promise<void> {
    const token = checked(trial.token);
    // Before the timer is stopped: a trial that does not stand as planned must keep its timer.
    const now = await readSection(step.query);
    if (now !== step.expected && now !== step.basis) throw changedByOther(step, step.expected, now);
    if (now === step.basis) throw expired(token);
    let { word } = await run(scripts.disarm, [token, "confirmed"]);
    if (word === "fired") word = (await run(scripts.awaitRevert, [token, "5"])).word;
    if (word === "fired" || word === "reverted") throw expired(token);
    if (word === "refused") throw await notReverted(step, token);
    if (word !== "confirmed") {
      throw new Failure("DEVICE_PROTOCOL", `${name}: the router knows no trial ${token}`, {
        mend: `Its state folder ${stateFolder} was emptied; undo the change or keep it by hand`,
      });
    }
    if ((await readSection(step.query)) !== step.expected) throw expired(token);
    await persist(token, "keep");
    await unlock(token);
  }

  async function undo(step: DeviceStep, trial: Trial): Promise<void> {
    const token = checked(trial.token);
    const [state = "none", proof, saved] = (await run(scripts.standing, [token])).word.split(" ");
    const now = await readSection(step.query);
    const halfDone = state === "fired" || (state === "armed" && proof !== "applied");
    // The router has taken ours back; what else is there is someone else's, beside it, and stays.
    const off = state === "reverted" && isOff(step, now);
    if (now !== step.basis && now !== step.expected && !halfDone && !off) {
      throw state === "refused" ? await notReverted(step, token) : changedSince(step, now);
    }
    const nothingLeft = off || (now === step.basis && ["none", "refused"].includes(state));
    if (!nothingLeft || saved === "saved") {
      await lock(prepareLeaseS, token);
      if (!off) await takeBack(step, token, state, now);
      if (saved === "saved") await persist(token, "forget");
    }
    if (holding) await unlock(token);
  }

  async function takeBack(step: DeviceStep, token: string, state: string, now: string): Promise<void> {
    if (state === "armed" && now === step.basis) {
      // Perhaps nothing was sent, perhaps a lost connection's lines are still on their way: disarming waits for those.
      const { word } = await run(scripts.disarm, [token, "reverted"]);
      if (word === "reverted" && (await readSection(step.query)) === step.basis) return;
      return revert(step, token, word);
    }
    if (now === step.basis && state !== "fired") return;
    if (state === "none") await run(scripts.adopt, [token], payloads(step));
    await revert(step, token, state === "none" ? "confirmed" : state);
  }

  return {
    device: name,
    read: (query) => attempt(() => readSection(query)),
    prepare: (step) => attempt(() => prepare(step)),
    discard: () =>
      attempt(async () => {
        if (holding) await unlock(noToken);
      }),
    commitOnTrial: (step, trial) => attempt(() => commitOnTrial(step, trial)),
    confirm: (step, trial) => attempt(() => confirm(step, trial)),
    undo: (step, trial) => attempt(() => undo(step, trial)),
    close: () => shell.close(),
  };
}

/** Whether each line that the change sets or takes away is there as often as before it. */
function isOff({ basis, expected }: DeviceStep, now: string): boolean {
  const [before, made, read] = [basis, expected, now].map(lineCounts) as [LineCounts, LineCounts, LineCounts];
  const touched = [...before.keys(), ...made.keys()].filter((line) => before.get(line) !== made.get(line));
  return touched.every((line) => read.get(line) === before.get(line));
}

type LineCounts = ReadonlyMap<string, number>;

function lineCounts(text: string): LineCounts {
  const counts = new Map<string, number>();
  for (const line of text.split("\n")) counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts;
}

/** Where a script takes a token and there is none. */
const noToken = "-";

function checked(token: string): string {
  assert(/^[a-z0-9-]{1,64}$/.test(token) && token !== noToken, "a trial's token is of a-z, 0-9 and -");
  return token;
}

const payloads = ({ forward, inverse }: DeviceStep) =>
  pack({
    forward: forward.config,
    activate: forward.activate,
    inverse: inverse.config,
    "inverse-activate": inverse.activate,
  });
