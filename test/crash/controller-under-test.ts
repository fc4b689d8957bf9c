import { systemClock } from "../../src/kernel/clock.ts";
import { type Change, type ChangeState, finalStates } from "../../src/model/change.ts";
import type { Status } from "../../src/model/controller.ts";
import { isUnderWay, type UnderWay } from "./aim.ts";
import { ControllerProcess } from "./controller-process.ts";
import { Violation } from "./violation.ts";

/** From a start, or from what is waited for, to the end of all that is under way; a router that is away is back long before. */
const boundMs = 90_000;
const trailLength = 200;
const by = "crash-test";

/** One controller over all its deaths: what its processes say, and what is waited for, never longer than a bound. */
export class ControllerUnderTest {
  readonly trail: string[] = [];
  readonly #options: Readonly<{ program: string; configFile: string; stateFolder: string; approves: boolean }>;
  readonly #startedMs = systemClock.now();
  readonly #watchers = new Set<() => void>();
  /** As last told by a process, or found in the journal. */
  readonly #states = new Map<string, ChangeState>();
  #process: ControllerProcess | undefined;
  #isListening = false;
  #died: string | undefined;
  #operations = 0;
  #reports = 0;

  constructor(options: Readonly<{ program: string; configFile: string; stateFolder: string; approves: boolean }>) {
    this.#options = options;
  }

  get stateFolder(): string {
    return this.#options.stateFolder;
  }

  /** That routers were asked for. */
  get operations(): number {
    return this.#operations;
  }

  /** Transitions that processes told of. */
  get reports(): number {
    return this.#reports;
  }

  get isSettled(): boolean {
    return this.#isListening && [...this.#states.values()].every(isAtRest);
  }

  isIn(state: UnderWay): boolean {
    return [...this.#states.values()].includes(state);
  }

  isOver(id: string): boolean {
    return isAtRest(this.#states.get(id) ?? "proposed");
  }

  note(text: string): void {
    this.trail.push(`${systemClock.now() - this.#startedMs} ms: ${text}`);
    if (this.trail.length > trailLength) this.trail.shift();
  }

  /** A router was asked for something. */
  operation(): void {
    this.#operations++;
    this.#wake();
  }

  start(): void {
    const { program, configFile, stateFolder, approves } = this.#options;
    this.note("start");
    this.#isListening = false;
    const process = new ControllerProcess({
      ...{ program, configFile, stateFolder },
      onState: (id, state) => {
        if (process !== this.#process) return;
        this.note(`${id} is ${state}`);
        this.#reports++;
        this.#states.set(id, state);
        this.#wake();
        if (state === "awaiting-approval" && approves) this.approve(id);
      },
      onListening: () => {
        if (process !== this.#process) return;
        this.note("listening");
        this.#isListening = true;
        this.#wake();
      },
      onRemark: (text) => this.note(text),
    });
    this.#process = process;
    void process.gone.then(() => {
      if (process !== this.#process) return;
      this.#died = `the controller ended by itself: ${process.errors}`;
      this.#wake();
    });
  }

  /** The signal is sent before this returns; resolves once the process is gone. */
  async kill(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    process?.kill();
    await process?.gone;
  }

  /** What the journal of the dead says has the last word: a line of its may have been on the way, or never written. */
  found(changes: readonly Change[]): void {
    for (const { id, state } of changes) {
      if (this.#states.get(id) !== state) this.note(`journal: ${id} is ${state}`);
      this.#states.set(id, state);
    }
  }

  async changes(): Promise<readonly Change[]> {
    return (await this.#required().ask("/v1/changes")) as readonly Change[];
  }

  /** May be refused, as changes go on meanwhile. */
  approve(id: string): void {
    void this.#press(`/v1/changes/${id}/approve`, { by });
  }

  rollBack(id: string): void {
    void this.#press(`/v1/changes/${id}/rollback`, { by, reason: "so that there is something to change" });
  }

  /** Why no change begins, into the trail. */
  async noteStatus(): Promise<void> {
    const { atMs, policies, targets } = (await this.#required().ask("/v1/status")) as Status;
    for (const { target, state, detail, value, measuredMs } of policies) {
      this.note(`${target}: ${state}, ${detail}; at ${value}, ${measuredMs && atMs - measuredMs} ms ago`);
    }
    for (const [name, { state, reason = "" }] of Object.entries(targets))
      this.note(`telemetry ${name}: ${state} ${reason}`);
  }

  async #press(route: string, body: Readonly<Record<string, string>>): Promise<void> {
    this.note(route);
    await this.#required()
      .ask(route, body)
      .catch((error: Error) => this.note(`${route}: ${error.message}`));
  }

  async settled(): Promise<void> {
    await this.until(() => this.isSettled, "everything under way is over");
  }

  /** The id of the first change under way that `isMeant`, if it begins within `forMs`. */
  async begun(isMeant: (id: string) => boolean, forMs: number): Promise<string | undefined> {
    const find = () => [...this.#states].find(([id, state]) => isUnderWay(state) && isMeant(id))?.[0];
    await this.within(forMs, () => find() !== undefined);
    return find();
  }

  /** Throws Violation when it never holds, when a change gets stuck, or when the controller dies of itself. */
  until(holds: () => boolean, what: string): Promise<void> {
    return this.#wait(holds, boundMs, () => new Violation(`not within ${boundMs} ms: ${what}`, this.trail));
  }

  /** Whether `delayMs` passed without `isOver`. */
  async within(delayMs: number, isOver: () => boolean): Promise<boolean> {
    await this.#wait(isOver, delayMs, () => undefined);
    return !isOver();
  }

  #wait(holds: () => boolean, forMs: number, late: () => Violation | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (violation?: Violation) => {
        cancel();
        this.#watchers.delete(look);
        if (violation) reject(violation);
        else resolve();
      };
      const look = () => {
        const [stuck] = [...this.#states].find(([, state]) => state === "stuck") ?? [];
        if (this.#died !== undefined) end(new Violation(this.#died, this.trail));
        else if (stuck !== undefined) end(new Violation(`${stuck} is stuck`, this.trail));
        else if (holds()) end();
      };
      const cancel = systemClock.after(forMs, () => end(late()));
      this.#watchers.add(look);
      look();
    });
  }

  #required(): ControllerProcess {
    if (!this.#process) throw new Error("a controller runs");
    return this.#process;
  }

  #wake(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}

const isAtRest = (state: ChangeState) => finalStates.includes(state) || state === "awaiting-approval";
