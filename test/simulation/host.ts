import { join } from "node:path";
import type { Templates } from "../../src/change/templates.ts";
import { Failure, unwrap } from "../../src/kernel/failure.ts";
import type { Random } from "../../src/kernel/random.ts";
import { Loop } from "../../src/loop/loop.ts";
import { operatorOf } from "../../src/loop/operator.ts";
import type { Controller } from "../../src/model/controller.ts";
import type { Journal } from "../../src/model/journal.ts";
import type { Policy } from "../../src/model/policy.ts";
import { openJournal } from "../../src/store/journal.ts";
import type { Facts } from "./facts.ts";
import { atWrite } from "./invariants.ts";
import type { Judge } from "./judge.ts";
import type { Life, RouterParts, SimulatedRouter } from "./router.ts";
import { Telemetry } from "./telemetry.ts";
import { network } from "./world.ts";

type Parts = Pick<RouterParts, "clock" | "faults" | "trace"> &
  Readonly<{
    facts: Facts;
    judge: Judge;
    routers: ReadonlyMap<string, SimulatedRouter>;
    templates: Templates;
    policy: Policy;
    random: Random;
    folder: string;
  }>;

/** A controller that runs, until it ends or is killed at any moment: from then on nothing it had under way reaches anything. */
export type Incarnation = Life & {
  readonly loop: Loop;
  readonly controller: Controller;
  readonly journal: Journal;
  readonly telemetry: Telemetry;
};

const never = new Promise<never>(() => undefined);

/** The machine that the controller runs on: its disk, and how it comes up and goes down. */
export class Host {
  running: Incarnation | null = null;
  readonly #parts: Parts;
  readonly #buried: Incarnation[] = [];
  #diskIsFull = false;
  /** It has stopped itself, or was asked to, and is not gone yet. */
  #ending = false;
  /** Set when it is down and shall come up. */
  #bootAtMs: number | null = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#keepKilling("killed", () => this.kill("killed"));
    this.#keepKilling("stopped", () => this.#stop());
  }

  get isWell(): boolean {
    return this.running !== null && !this.#ending;
  }

  /** On the disk: a request that found none was refused, and the controller may live on. */
  makeRoom(): void {
    this.#diskIsFull = false;
  }

  /** Brings up or takes away what is due; nothing else goes on meanwhile. */
  async tend(): Promise<void> {
    for (const { journal } of this.#buried.splice(0)) {
      await journal.close().catch((error: Error) => this.#parts.judge.found("noBugs", error.message));
    }
    if (this.running || this.#bootAtMs === null || this.#parts.clock.now() < this.#bootAtMs) return;
    this.#bootAtMs = null;
    this.#diskIsFull = false;
    this.#ending = false;
    await this.#boot();
  }

  /** As `kill -9`. Its sessions go with it, its trials stay on the routers. */
  kill(why: string): void {
    const { running } = this;
    if (!running) return;
    const { clock, trace, routers, random } = this.#parts;
    trace.add("controller", why);
    running.alive = false;
    this.running = null;
    for (const router of routers.values()) router.forget(running);
    this.#buried.push(running);
    const downMs = random() < 0.2 ? 200_000 : 1_000 + random() * 20_000;
    this.#bootAtMs = clock.now() + downMs;
    clock.after(downMs, () => undefined);
  }

  /** A second controller on the same folder. Whether it was let in. */
  async startSecond(): Promise<boolean> {
    const { clock, folder, trace } = this.#parts;
    trace.add("controller", "a second one is started");
    try {
      const journal = await openJournal({ file: join(folder, "journal.sqlite"), clock });
      // What it says as it goes is of no interest: it should never have come in.
      await journal.close().catch(() => undefined);
      return true;
    } catch (error) {
      if (error instanceof Failure && error.code === "JOURNAL_LOCKED") return false;
      throw error;
    }
  }

  async #boot(): Promise<void> {
    const { facts, judge, clock, trace, routers, templates, policy, folder, random } = this.#parts;
    const opened = await openJournal({ file: join(folder, "journal.sqlite"), clock });
    const sound = await opened.verify();
    judge.found("auditHolds", sound.ok ? undefined : sound.failure.message);
    const life: Life = { alive: true, clock: this.#mortalClock(() => life.alive) };
    const telemetry = new Telemetry();
    const journal = this.#mortalJournal(opened, life);
    facts.deliveries = telemetry.deliveries;
    const parts = { journal, network, clock: life.clock, templates };
    const loop = new Loop({
      ...parts,
      policies: [policy],
      telemetry: telemetry.fold,
      devices: new Map([...routers].map(([device, router]) => [device, router.driver(life)])),
      token: () => Math.floor(random() * 2 ** 32).toString(16),
      onConclusion: ({ target, outcome, reason }) => trace.add(target, `${outcome}: ${reason}`),
      onTrouble: () => undefined,
      onFatal: (error) => this.#failed(life, error),
    });
    loop.ledger.onTransition(({ id, state, outcome }) => {
      if (life.alive) trace.add(id, `is ${state}${outcome ? `: ${outcome.message.split("\n", 1)[0]}` : ""}`);
    });
    trace.add("controller", "starts");
    this.running = Object.assign(life, { loop, controller: operatorOf(loop, parts), journal: opened, telemetry });
    // It may be killed as it starts, and then this never comes back.
    void loop.start().catch((error: unknown) => this.#failed(life, error));
  }

  /** What `pointsman run` does when its loop has stopped: take back what can be, and end. */
  #failed(life: Life, error: unknown): void {
    if (!life.alive) return;
    const { judge, trace } = this.#parts;
    trace.add("controller", `stops itself: ${error instanceof Error ? error.message : String(error)}`);
    if (!this.#diskIsFull)
      judge.found("noBugs", error instanceof Error ? (error.stack ?? error.message) : String(error));
    this.#end(life);
  }

  #stop(): void {
    if (!this.running) return;
    this.#parts.trace.add("controller", "is asked to stop");
    this.#end(this.running);
  }

  #end(life: Life): void {
    const { running } = this;
    if (running !== life || !running) return;
    this.#ending = true;
    const ended = () => {
      if (running.alive) this.kill("has ended");
    };
    void running.loop.stop().then(ended, ended);
    // A person who has waited this long presses Ctrl-C again.
    this.#parts.clock.after(240_000, ended);
  }

  #keepKilling(kind: "killed" | "stopped", task: () => void): void {
    const nextMs = this.#parts.faults.nextMs(kind);
    if (nextMs === undefined) return;
    this.#parts.clock.after(nextMs, () => {
      if (!this.#parts.faults.isCalm) task();
      this.#keepKilling(kind, task);
    });
  }

  #mortalClock(alive: () => boolean): Life["clock"] {
    const { clock } = this.#parts;
    return { now: () => clock.now(), after: (ms, task) => clock.after(ms, () => alive() && task()) };
  }

  #mortalJournal(journal: Journal, life: Life): Journal {
    const { facts, faults, judge } = this.#parts;
    const mortal = async <T>(work: () => Promise<T>): Promise<T> => {
      if (!life.alive) return never;
      const value = await work();
      return life.alive ? value : never;
    };
    return {
      append: async (entry, writes = {}) => {
        if (!life.alive) return never;
        if (faults.hits("disk-full")) this.#diskIsFull = true;
        if (this.#diskIsFull) throw new Error("SQLITE_FULL: database or disk is full");
        // Most of what is written is about policies; what is about changes is where a death hurts.
        const hurts = entry.event.startsWith("change.") || faults.random("killed") < 0.2;
        if (hurts && faults.hits("killed-before-write")) {
          this.kill(`killed before it writes ${entry.event} of ${entry.subject}`);
          return never;
        }
        await journal.append(entry, writes);
        const earlier = writes.change && facts.changes.get(writes.change.id);
        facts.journaled(entry, writes);
        judge.ask(atWrite, { entry, writes, earlier });
        if (life.alive && hurts && faults.hits("killed-after-write"))
          this.kill(`killed after it wrote ${entry.event} of ${entry.subject}`);
        return life.alive ? undefined : never;
      },
      nextChangeId: () => mortal(() => journal.nextChangeId()),
      changes: () => mortal(() => journal.changes()),
      actors: () => mortal(() => journal.actors()),
      switches: () => mortal(() => journal.switches()),
      entries: (subject) => mortal(() => journal.entries(subject)),
      chained: (sinceMs) => journal.chained(sinceMs),
      count: () => mortal(() => journal.count()),
      probe: () => mortal(() => journal.probe()),
      verify: () => mortal(() => journal.verify()),
      close: () => mortal(() => journal.close()),
    };
  }
}

/** What the journal's file says in the end is what every write said. */
export async function diskIsWhatWasWritten(journal: Journal, facts: Facts): Promise<string | undefined> {
  unwrap(await journal.verify());
  const onDisk = await journal.changes();
  const wrong = onDisk.find(
    (change) => JSON.stringify(change.state) !== JSON.stringify(facts.changes.get(change.id)?.state),
  );
  return wrong && `${wrong.id} is ${wrong.state} on disk`;
}
