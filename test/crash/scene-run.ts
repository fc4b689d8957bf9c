import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sleep, systemClock } from "../../src/kernel/clock.ts";
import { type Random, seededRandom } from "../../src/kernel/random.ts";
import { type Lab, startLab } from "../../src/lab/lab.ts";
import type { Change, ChangeState } from "../../src/model/change.ts";
import { type Aim, aimAtChange, aimAtRecovery, isUnderWay, type UnderWay } from "./aim.ts";
import { ControllerUnderTest } from "./controller-under-test.ts";
import { readJournal } from "./read-journal.ts";
import { misplaced, type Standing, snapshot } from "./routers.ts";
import type { Scene } from "./scenes.ts";
import { Violation } from "./violation.ts";

/** A kill that landed while a change was under way: where the journal says that it was. */
export type Kill = Readonly<{
  change: string;
  state: UnderWay;
  /** The controller had just been restarted, and was finishing or undoing what the one before it had left. */
  recovering: boolean;
  /** Nobody came back before the routers' own timers had run out. */
  late: boolean;
}>;

export type SceneOptions = Readonly<{
  scene: Scene;
  seed: number;
  /** Asked between changes. */
  goesOn: () => boolean;
  /** The built program, for `node`. */
  program: string;
  onKill: (kill: Kill) => void;
}>;

/** How each change of the scene ended. Throws Violation. */
export async function runScene(options: SceneOptions): Promise<readonly ChangeState[]> {
  const folder = await mkdtemp(join(tmpdir(), "pointsman-crash-"));
  const policyFile = join(folder, "policy.yaml");
  await writeFile(policyFile, options.scene.policy);
  let onOperation: () => void = () => undefined;
  const lab = await startLab({
    ...{ scenario: options.scene.scenario, folder: join(folder, "lab"), seed: options.seed, clock: systemClock },
    timing: { intervalMs: options.scene.intervalMs, peakAfterMs: 0, peakForMs: 86_400_000, reactionMs: 100 },
    policies: [policyFile],
    onOperation: () => onOperation(),
  });
  const controller = new ControllerUnderTest({
    program: options.program,
    configFile: lab.configFile,
    stateFolder: join(folder, "state"),
    approves: options.scene.mode === "propose",
  });
  onOperation = () => controller.operation();
  const run = new SceneRun(options, lab, controller);
  try {
    await run.toTheEnd();
    return run.ends();
  } finally {
    await controller.kill();
    run.reviveAll();
    await lab.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Nobody restarts the controller for so long once in so many kills. */
const lateShare = 0.04;
const lateMs = 3_000;
const againShare = 0.4;
/** Within this the policy decides anew, or what was asked for begins. */
const patienceMs = 120_000;
const leftoverMs = 5_000;

class SceneRun {
  readonly #options: SceneOptions;
  readonly #lab: Lab;
  readonly #controller: ControllerUnderTest;
  readonly #random: Random;
  readonly #revivals = new Set<() => void>();
  #changes: readonly Change[] = [];
  /** Changes that stood confirmed when all was last quiet. */
  #standing: ReadonlySet<string> = new Set();
  /** Whole configurations when all was last quiet, and by change when it began. */
  #quiet: ReadonlyMap<string, string>;
  readonly #before = new Map<string, ReadonlyMap<string, string>>();

  constructor(options: SceneOptions, lab: Lab, controller: ControllerUnderTest) {
    this.#options = options;
    this.#lab = lab;
    this.#controller = controller;
    this.#random = seededRandom(options.seed);
    this.#quiet = snapshot(lab);
  }

  async toTheEnd(): Promise<void> {
    this.#controller.start();
    if (this.#options.scene.fault === "worse") this.#lab.inject("worse");
    while (this.#options.goesOn()) {
      await this.#controller.settled();
      await this.#checkQuiet();
      this.#flipLies();
      const id = await this.#nextChange();
      this.#loseRouters();
      const aim = aimAtChange(this.#random, this.#options.scene.operations);
      if (!(await this.#reached(aim, () => this.#controller.isOver(id)))) continue;
      await this.#killAndRecover(aim);
    }
    await this.#controller.settled();
    await this.#checkQuiet();
  }

  ends(): readonly ChangeState[] {
    return this.#changes.map(({ state }) => state);
  }

  reviveAll(): void {
    for (const revive of [...this.#revivals]) revive();
  }

  async #killAndRecover(first: Aim): Promise<void> {
    let aim: Aim | undefined = first;
    for (let recovering = false; aim; recovering = true) {
      const found = await this.#kill(aim, recovering);
      this.#controller.start();
      aim =
        found && this.#random() < againShare ? aimAtRecovery(this.#random, this.#options.scene.operations) : undefined;
      if (aim && !(await this.#reached(aim, () => this.#controller.isSettled))) aim = undefined;
    }
  }

  /** Kills, and looks at what is left: the journal, and where the routers of the change that was under way stand. */
  async #kill(aim: Aim, recovering: boolean): Promise<Change | undefined> {
    this.#controller.note(`kill at ${JSON.stringify(aim)}`);
    await this.#controller.kill();
    this.#changes = await readJournal(this.#controller.stateFolder);
    this.#controller.found(this.#changes);
    const cut = this.#changes.find(({ state }) => isUnderWay(state));
    if (!cut || !isUnderWay(cut.state)) return undefined;
    this.#holds(misplaced(this.#lab, cut, whileDead[cut.state]));
    const late = cut.state !== "dry-run" && cut.state !== "preparing" && this.#random() < lateShare;
    if (late) {
      this.#controller.note("nobody comes back in time");
      this.reviveAll();
      await sleep(systemClock, cut.trial.timeoutMs + lateMs);
      this.#holds(misplaced(this.#lab, cut, cut.state === "confirming" ? ["basis", "expected"] : ["basis"]));
    }
    this.#options.onKill({ change: cut.id, state: cut.state, recovering, late });
    return cut;
  }

  /** All is over: each router is as before, or as confirmed, and nothing of ours is left on it. */
  async #checkQuiet(): Promise<void> {
    const changes = await this.#controller.changes();
    // Another has begun meanwhile: it is looked at when it is over.
    if (!this.#controller.isSettled || changes.some(({ state }) => isUnderWay(state))) return;
    const [newest] = changes;
    if (newest) this.#holds(misplaced(this.#lab, newest, newest.state === "confirmed" ? ["expected"] : ["basis"]));
    const standing = changes.filter(({ state }) => state === "confirmed");
    const confirmed = standing.filter(({ id }) => !this.#standing.has(id));
    const changed = new Set(confirmed.flatMap(({ plan }) => plan.steps.map(({ device }) => device)));
    const now = snapshot(this.#lab);
    for (const [device, text] of now) {
      if (changed.has(device) || text === this.#quiet.get(device)) continue;
      throw this.#violation(`${device} has changed, and no confirmed change says so`);
    }
    for (const { id, origin } of confirmed) {
      const before = origin.kind === "operator" ? this.#before.get(origin.undoes) : undefined;
      if (!before || newest?.id !== id) continue;
      for (const [device, text] of now) {
        if (text !== before.get(device)) throw this.#violation(`${id} has put ${device} back to something else`);
      }
    }
    this.#quiet = now;
    this.#standing = new Set(standing.map(({ id }) => id));
    this.#changes = changes;
    await this.#nothingLeft();
  }

  /** Locks are given back on the way out, so it may take a moment; a change that begins takes its own. */
  async #nothingLeft(): Promise<void> {
    const started = this.#controller.reports;
    const leftovers = () => Object.entries(this.#lab.unfinished()).filter(([, what]) => what.length > 0);
    const deadlineMs = systemClock.now() + leftoverMs;
    while (leftovers().length > 0 && this.#controller.reports === started) {
      if (systemClock.now() > deadlineMs) throw this.#violation(`left on routers: ${JSON.stringify(leftovers())}`);
      await sleep(systemClock, 50);
    }
  }

  /** The id of a change that has just begun: one that waits is approved, one that stands is taken back, else the policy decides. */
  async #nextChange(): Promise<string> {
    const standing = this.#changes.find(({ state }) => state === "confirmed");
    const waiting = this.#changes.find(({ state }) => state === "awaiting-approval");
    const known = new Set(this.#changes.map(({ id }) => id));
    const isNew = (id: string) => !known.has(id) || id === waiting?.id;
    const untilMs = systemClock.now() + patienceMs;
    let id: string | undefined;
    while (id === undefined) {
      if (systemClock.now() > untilMs) {
        await this.#controller.noteStatus();
        throw this.#violation("no change begins, though there is something to change");
      }
      // Again and again: a router that is away refuses, and what the policy begins by itself comes first.
      if (waiting) this.#controller.approve(waiting.id);
      else if (standing?.origin.kind === "policy") this.#controller.rollBack(standing.id);
      id = await this.#controller.begun(isNew, 3_000);
    }
    this.#before.set(id, this.#quiet);
    return id;
  }

  /** Whether the moment came before all was over. */
  async #reached(aim: Aim, isOver: () => boolean): Promise<boolean> {
    const { delayMs } = aim;
    const controller = this.#controller;
    switch (aim.kind) {
      case "time":
        return await controller.within(delayMs, isOver);
      case "state":
        await controller.until(() => controller.isIn(aim.state) || isOver(), `a change is ${aim.state}, or over`);
        return controller.isIn(aim.state) && (delayMs === 0 || (await controller.within(delayMs, isOver)));
      case "operation": {
        const goal = controller.operations + aim.count;
        await controller.until(() => controller.operations >= goal || isOver(), `${aim.count} operations, or the end`);
        return !isOver() && (delayMs === 0 || (await controller.within(delayMs, isOver)));
      }
    }
  }

  #flipLies(): void {
    if (this.#options.scene.fault !== "lying") return;
    for (const [device, faults] of Object.entries(this.#lab.faults)) {
      faults.lieOnCommit = this.#random() < 0.3;
      if (faults.lieOnCommit) this.#controller.note(`${device} lies`);
    }
  }

  #loseRouters(): void {
    if (this.#options.scene.fault !== "dead") return;
    for (const [device, faults] of Object.entries(this.#lab.faults)) {
      const [fromMs, forMs] = [this.#random() * 1_000, 100 + this.#random() * 4_000];
      if (this.#random() > 0.4) continue;
      void sleep(systemClock, fromMs).then(async () => {
        const over = new AbortController();
        const revive = () => over.abort();
        this.#revivals.add(revive);
        faults.dead = true;
        this.#controller.note(`${device} is away`);
        await sleep(systemClock, forMs, over.signal);
        faults.dead = false;
        this.#controller.note(`${device} is back`);
        this.#revivals.delete(revive);
      });
    }
  }

  #holds(broken: readonly string[]): void {
    const [first] = broken;
    if (first !== undefined) throw this.#violation(broken.join("; "));
  }

  #violation(text: string): Violation {
    return new Violation(text, this.#controller.trail);
  }
}

/** Where routers may stand when the controller dies: nothing reaches a running configuration before it is journaled. */
const whileDead: Readonly<Record<UnderWay, readonly Standing[]>> = {
  "dry-run": ["basis"],
  preparing: ["basis"],
  committing: ["basis", "expected"],
  verifying: ["basis", "expected"],
  confirming: ["basis", "expected"],
  "rolling-back": ["basis", "expected"],
};
