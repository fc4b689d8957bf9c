import { ok } from "../../src/kernel/failure.ts";
import { Ledger } from "../../src/loop/ledger.ts";
import { recover } from "../../src/loop/recover.ts";
import { Runner } from "../../src/loop/runner.ts";
import type { Change } from "../../src/model/change.ts";
import type { Verdict } from "../../src/model/decision.ts";
import type { DevicePort, DeviceStep } from "../../src/model/device.ts";
import type { NetworkState } from "../../src/model/network-state.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";
import { MemoryJournal } from "./memory-journal.ts";
import { platformOf, type Shape, TrialRouter } from "./trial-router.ts";

const trialMs = 60_000;
const textOf = (device: string, value: number) => `${device} a ${value}\n${device} b ${value}\n`;

function stepFor({ device, shape }: TrialRouter): DeviceStep {
  return {
    device,
    platform: platformOf(shape),
    query: "all",
    basis: textOf(device, 0),
    expected: textOf(device, 3),
    forward: { config: "forward", activate: "" },
    inverse: { config: "inverse", activate: "" },
  };
}

/** One change on three routers of as many kinds, and the controllers that make it: one dies, the next takes over. */
export class Transaction {
  readonly clock = new SimulatedClock();
  readonly journal = new MemoryJournal();
  readonly routers: readonly TrialRouter[];
  /** What the network will be found to be, once the change is on it. */
  verdict: Verdict["outcome"] = "better";
  #ledger: Ledger | undefined;

  constructor(shapes: readonly Shape[]) {
    this.routers = shapes.map((shape) => new TrialRouter(shape, shape, textOf(shape, 0), this.clock));
  }

  get change(): Change | undefined {
    return this.#ledger?.all()[0];
  }

  /** Every router reads as before the change (0), or as after it (3); undefined where one is in between. */
  get values(): readonly (number | undefined)[] {
    return this.routers.map(({ device, running }) => [0, 3].find((value) => running === textOf(device, value)));
  }

  /** A controller makes the change, until it is over or `life` is. */
  async make(life = new Life()): Promise<void> {
    const { ledger, runner } = this.#boot(life);
    const made = { id: "c1", state: "proposed", mode: "auto", diffs: {}, guards: [], approvals: [], times: {} };
    const policy = { name: "test", verify: { observeMs: 1 }, approve: { people: 1 } };
    const change = {
      ...{ ...made, policy, origin: { kind: "policy", policy: "test" }, decision: { reason: "a test" } },
      ...{ createdMs: this.clock.now(), expiresMs: this.clock.now() + 900_000 },
      ...{ plan: { steps: this.routers.map(stepFor) }, trial: { token: "c1-7", timeoutMs: trialMs } },
    } as unknown as Change;
    await this.#live(life, async () => {
      await ledger.add(change);
      await ledger.advance("c1", "begun");
      await runner.run("c1");
    });
  }

  /** A new controller finds what its predecessor left. */
  async recover(life = new Life()): Promise<void> {
    const { ledger, runner } = this.#boot(life);
    await this.#live(life, async () => {
      await ledger.load();
      for (const id of await recover(ledger)) await runner.run(id);
    });
  }

  /** A person has seen to a change that is stuck. */
  async retry(): Promise<void> {
    const { ledger, runner } = this.#boot(new Life());
    await this.#live(new Life(), async () => {
      await ledger.load();
      await ledger.advance("c1", "retried", "ann");
      await runner.run("c1");
    });
  }

  #boot(life: Life): { ledger: Ledger; runner: Runner } {
    const ledger = new Ledger(life.wrap(this.journal), this.clock);
    this.#ledger = ledger;
    const runner = new Runner({
      ledger,
      devices: new Map(this.routers.map((router) => [router.device, life.wrap<DevicePort>(router)])),
      clock: this.clock,
      state: () => ({}) as NetworkState,
      guards: async () => ok([]),
      earned: () => ({ mode: "auto" }),
      verify: () => ({ outcome: this.verdict, findings: [] }),
      nextTelemetry: async () => undefined,
    });
    return { ledger, runner };
  }

  async #live(life: Life, work: () => Promise<void>): Promise<void> {
    let over = false;
    const working = work().then(() => {
      over = true;
    });
    for (;;) {
      await new Promise(setImmediate);
      if (life.over) break;
      if (over) return working;
      this.clock.advance(1_000);
    }
    for (const router of this.routers) router.sessionLost();
  }
}

/** When a controller dies: at which of its calls to routers and journal, and before, after or (lines of a shell) amid its effect. */
export type Death = Readonly<{ call: number; when: "before" | "amid" | "after" }>;

/** A controller's life: from its death on no call of it has an effect or an end. */
export class Life {
  calls = 0;
  over = false;
  readonly #death: Death | undefined;

  constructor(death?: Death) {
    this.#death = death;
  }

  wrap<T extends object>(part: T): T {
    return new Proxy(part, {
      get: (target, name) => {
        const value = Reflect.get(target, name, target) as unknown;
        if (typeof value !== "function") return value;
        return (...values: unknown[]) =>
          this.#call(target, String(name), () => Reflect.apply(value, target, values), values);
      },
    });
  }

  async #call(target: object, name: string, work: () => unknown, values: unknown[]): Promise<unknown> {
    if (this.over) return forever();
    const dies = this.#death?.call === this.calls ? this.#death.when : undefined;
    this.calls += 1;
    if (dies === "before") return this.#die();
    if (dies === "amid") {
      const isHalfway = target instanceof TrialRouter && target.shape === "dead-man" && name === "commitOnTrial";
      if (isHalfway) target.commitHalf(...(values as Parameters<TrialRouter["commitHalf"]>));
      return this.#die();
    }
    const result = work(); // Its effect is there before it resolves.
    if (dies === "after") return this.#die();
    const value: unknown = await result;
    return this.over ? forever() : value;
  }

  #die(): Promise<never> {
    this.over = true;
    return forever();
  }
}

const forever = () => new Promise<never>(() => undefined);
