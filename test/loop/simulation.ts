import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { loadTemplates } from "../../src/app/load-templates.ts";
import { type Random, seededRandom } from "../../src/kernel/random.ts";
import { Loop, type LoopDeps } from "../../src/loop/loop.ts";
import { operatorOf } from "../../src/loop/operator.ts";
import { type Change, finalStates } from "../../src/model/change.ts";
import type { Controller, Trouble } from "../../src/model/controller.ts";
import type { DevicePort } from "../../src/model/device.ts";
import type { Network } from "../../src/model/inventory.ts";
import type { Journal } from "../../src/model/journal.ts";
import type { Policy } from "../../src/model/policy.ts";
import { openJournal } from "../../src/store/journal.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";
import { MemoryRouter, type Weather } from "./memory-router.ts";
import { inboundWorld, intervalMs, type SimulatedTelemetry } from "./simulated-network.ts";

type Telemetry = LoopDeps["telemetry"] & { silent: boolean; sample(nowMs: number): void };

/** What a simulation is of: a network with its routers' texts and its traffic. */
export type World<T extends Telemetry> = Readonly<{
  network: Network;
  policy: Policy;
  otherPolicies?: readonly Policy[];
  /** What each router reads at the start, in the form a driver gives it. */
  readings(): Map<string, string>;
  telemetry(routers: readonly MemoryRouter[], startMs: number): T;
  /** The routers read as the confirmed changes say. `changes` newest first. */
  checkQuiet(routers: readonly MemoryRouter[], changes: readonly Change[]): void;
}>;

/** A controller that can die at any moment: then nothing it had under way reaches a router or the journal any more. */
type Incarnation = { loop: Loop; controller: Controller; journal: Journal; alive: boolean };

/** Lets every promise that can go on go on; the journal's driver is synchronous, so a few turns suffice. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 12; turn++) await new Promise(setImmediate);
}

/** The whole loop on simulated time: real stages and a real journal, routers and traffic in memory. Replays from its seed. */
export class Simulation<T extends Telemetry = SimulatedTelemetry> {
  readonly clock = new SimulatedClock();
  readonly random: Random;
  readonly weather: Weather = { lost: 0, answerLost: 0 };
  readonly routers: readonly MemoryRouter[];
  readonly telemetry: T;
  /** Every change, as it was when it first reached a router. */
  readonly pushed = new Map<string, Change>();
  readonly fatal: unknown[] = [];
  readonly troubles: Trouble[] = [];
  readonly #world: World<T>;
  readonly #policy: Policy;
  readonly #folder: string;
  #running: Incarnation | null = null;

  private constructor(seed: number, folder: string, changed: Partial<Policy>, world: World<T>) {
    this.random = seededRandom(seed);
    this.#folder = folder;
    this.#world = world;
    this.#policy = { ...world.policy, ...changed };
    this.routers = [...world.readings()].map(
      ([device, text]) => new MemoryRouter(device, text, this.clock, this.random, this.weather),
    );
    this.telemetry = world.telemetry(this.routers, this.clock.now());
    for (const router of this.routers) {
      router.onCommit = (step, { token }) => this.#checkPush(router, step.device, token);
    }
  }

  static start(seed: number, changed: Partial<Policy> = {}): Promise<Simulation> {
    return Simulation.of(inboundWorld, seed, changed);
  }

  static async of<T extends Telemetry>(world: World<T>, seed: number, changed: Partial<Policy> = {}) {
    const folder = await mkdtemp(join(tmpdir(), "pointsman-simulation-"));
    const simulation = new Simulation(seed, folder, changed, world);
    await simulation.boot();
    return simulation;
  }

  get controller(): Controller {
    if (!this.#running) throw new Error("the controller is dead");
    return this.#running.controller;
  }

  get journal(): Journal {
    if (!this.#running) throw new Error("the controller is dead");
    return this.#running.journal;
  }

  get changes(): readonly Change[] {
    return this.#running?.loop.ledger.all() ?? [];
  }

  /** When the policy was looked after that has waited longest. */
  get lookedMs(): number {
    return Math.min(...(this.#running?.loop.lookedMs.values() ?? []));
  }

  /** `early` is done once the predecessor's work is read, before any of it is gone on with. */
  async boot(early: (controller: Controller) => Promise<void> = async () => undefined): Promise<void> {
    const journal = await openJournal({ file: join(this.#folder, "journal.sqlite"), clock: this.clock });
    const incarnation = { journal, alive: true } as Incarnation;
    const mortal = <T extends object>(part: T): T => mortalise(part, () => incarnation.alive);
    const { network } = this.#world;
    const parts = { journal: mortal(journal), network, clock: this.clock, templates: await loadTemplates() };
    incarnation.loop = new Loop({
      ...parts,
      policies: [this.#policy, ...(this.#world.otherPolicies ?? [])],
      telemetry: this.telemetry,
      devices: new Map(this.routers.map((router) => [router.device, mortal<DevicePort>(router)])),
      token: () => Math.floor(this.random() * 2 ** 32).toString(16),
      onConclusion: () => undefined,
      onTrouble: (trouble) => this.troubles.push(trouble),
      onFatal: (error) => this.fatal.push(error),
    });
    incarnation.controller = operatorOf(incarnation.loop, parts);
    this.#running = incarnation;
    await incarnation.loop.load();
    await early(incarnation.controller);
    await incarnation.loop.start();
    await settle();
  }

  /** As Ctrl-C: resolves when the routers are quiet. Time must be moved on meanwhile. */
  async stop(): Promise<void> {
    await this.#running?.loop.stop();
  }

  /** As `kill -9`: sessions die with it, which is what `discard` stands for here; trials stay on the routers. */
  async crash(): Promise<void> {
    if (!this.#running) return;
    this.#running.alive = false;
    await this.#running.journal.close();
    this.#running = null;
    for (const router of this.routers) await router.discard();
  }

  get dead(): boolean {
    return this.#running === null;
  }

  /** Moves time on in telemetry intervals, checking the invariants that hold at every instant. */
  async run(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += intervalMs) {
      this.clock.advance(intervalMs);
      this.telemetry.sample(this.clock.now());
      await settle();
      // A burst of samples is looked at a timer's turn later.
      this.clock.advance(0);
      await settle();
      const onTrial = new Set(this.routers.flatMap((router) => (router.pending ? [router.pending.token] : [])));
      expect(onTrial.size, "one change on the routers at a time").toBeLessThanOrEqual(1);
      expect(this.fatal, "the loop has no bugs").toEqual([]);
    }
  }

  /** Runs until `done`, or fails after `patienceMs`. */
  async until(done: () => boolean, patienceMs = 600_000): Promise<void> {
    for (let passed = 0; !done(); passed += intervalMs) {
      expect(passed, `waited ${patienceMs} ms`).toBeLessThan(patienceMs);
      await this.run(intervalMs);
    }
  }

  /** What must be true once all is quiet: every change is over, and the routers read as the confirmed ones say. */
  checkQuiet(): void {
    expect(this.changes.filter((change) => !finalStates.includes(change.state))).toEqual([]);
    this.#world.checkQuiet(this.routers, this.changes);
    expect(this.routers.every((router) => router.pending === null)).toBe(true);
  }

  async end(): Promise<void> {
    await this.crash();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #checkPush(router: MemoryRouter, device: string, token: string): void {
    const change = this.changes.find((one) => one.trial.token === token);
    expect(change?.state, "journaled before it is pushed").toBe("committing");
    const step = change?.plan.steps.find((one) => one.device === device);
    expect(step?.inverse.config, "with its way back").not.toBe("");
    expect(change?.decision.reason, "and its reason").not.toBe("");
    expect(step?.basis, "from what is running").toBe(router.running);
    if (change) this.pushed.set(change.id, change);
  }
}

/** `part` as long as `alive` holds; after that its calls never come back, as those of a dead process. */
function mortalise<T extends object>(part: T, alive: () => boolean): T {
  return new Proxy(part, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== "function") return value;
      return async (...values: unknown[]) => {
        if (!alive()) return new Promise(() => undefined);
        const result: unknown = await Reflect.apply(value, target, values);
        return alive() ? result : new Promise(() => undefined);
      };
    },
  });
}
