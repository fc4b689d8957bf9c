import type { Change } from "../../src/model/change.ts";
import type { DeviceStep } from "../../src/model/device.ts";
import type { JournalEntry, JournalWrites, Switches } from "../../src/model/journal.ts";
import type { SimulatedRouter } from "./router.ts";
import type { Delivery } from "./telemetry.ts";

/** What a change did to one of its routers, in the order it happened. */
export type Deed = Readonly<{
  what: "trial" | "confirmed" | "reverted" | "undone";
  device: string;
  token: string;
  atMs: number;
}>;

/** Who set prepends on a router, other than by a trial: `token` ours, by confirming; `prefixes` others', `null` all of the router's. */
export type Settlement = Readonly<{ device: string; atMs: number }> &
  (Readonly<{ token: string }> | Readonly<{ by: string; prepends: ReadonlyMap<string, number> }>);

/** A request that a person was told is done. `event` is what the audit log must then say; `subject` is a change's id, or `switches`. */
export type Granted = Readonly<{ event: string; by: string; subject: string; atMs: number }>;

export type StoredFact = JournalEntry & Readonly<{ atMs: number }>;

/** What is true in the simulation, whatever the controller believes: what invariants are judged on. Plain data. */
export class Facts {
  readonly routers: ReadonlyMap<string, SimulatedRouter>;
  readonly #now: () => number;
  /** What the journal's file holds: a change is here once its write has come back. */
  readonly changes = new Map<string, Change>();
  readonly entries: StoredFact[] = [];
  switches: Switches = { frozen: null, killed: null };
  killedMs = 0;
  readonly deeds: Deed[] = [];
  readonly settlements: Settlement[] = [];
  readonly granted: Granted[] = [];
  /** Of the life that runs, or ran last. */
  deliveries: readonly Delivery[] = [];
  /** Source times of every link's samples that any life was given. */
  readonly stamps = new Set<string>();
  readonly initially: ReadonlyMap<string, ReadonlyMap<string, number>>;

  constructor(routers: ReadonlyMap<string, SimulatedRouter>, now: () => number) {
    this.routers = routers;
    this.#now = now;
    this.initially = new Map([...routers].map(([device, router]) => [device, new Map(router.announced())]));
  }

  get nowMs(): number {
    return this.#now();
  }

  journaled(entry: JournalEntry, { change, switches }: JournalWrites): void {
    this.entries.push({ ...entry, atMs: this.nowMs });
    if (change) this.changes.set(change.id, change);
    if (!switches) return;
    if (switches.killed && !this.switches.killed) this.killedMs = this.nowMs;
    this.switches = switches;
  }

  did(what: Deed["what"], device: string, token: string): void {
    this.deeds.push({ what, device, token, atMs: this.nowMs });
    if (what === "confirmed") this.settlements.push({ device, token, atMs: this.nowMs });
  }

  /** By an edit: what it had there before counts again, whoever had put there meanwhile what looks like the change's own. */
  takenBack(device: string, { trial, decision }: Change): void {
    this.did("undone", device, trial.token);
    if (decision.action !== "bgp-prepend") return;
    const ours = decision.changes.filter((one) => one.device === device);
    this.setByOthers(device, "taken back", new Map(ours.map(({ prefix, from }) => [prefix, from])));
  }

  /** Another writer, a startup configuration or a person's hand. */
  setByOthers(device: string, by: string, prepends: ReadonlyMap<string, number>): void {
    this.settlements.push({ device, by, prepends, atMs: this.nowMs });
  }

  /** What others have set on a router since then is gone: the router went back to before it. */
  forgetOthers(device: string, sinceMs: number): void {
    const kept = this.settlements.filter((one) => one.device !== device || "token" in one || one.atMs < sinceMs);
    this.settlements.splice(0, this.settlements.length, ...kept);
  }

  changeOf(token: string): Change | undefined {
    return [...this.changes.values()].find(({ trial }) => trial.token === token);
  }

  /** Of the change that is being taken back on this router. */
  stepTakenBack(device: string): DeviceStep | undefined {
    const change = [...this.changes.values()].find(({ state }) => state === "rolling-back");
    return change?.plan.steps.find((step) => step.device === device);
  }

  /** The last that a change did to a router. */
  lastDeed(token: string, device: string): Deed | undefined {
    return this.deeds.findLast((deed) => deed.token === token && deed.device === device);
  }

  /** Prepends by prefix without what we have done: what was there, then what others have set. */
  setByOperators(device: string): ReadonlyMap<string, number> {
    const own = new Map(this.initially.get(device));
    for (const settlement of this.settlements) {
      if (settlement.device !== device || !("prepends" in settlement)) continue;
      for (const [prefix, prepends] of settlement.prepends) own.set(prefix, prepends);
    }
    return own;
  }

  /** Prepends by prefix that a router should have once all is quiet: what was there, then what was confirmed or set by others, in turn. */
  owed(device: string): ReadonlyMap<string, number> {
    const owed = new Map(this.initially.get(device));
    for (const settlement of this.settlements.filter((one) => one.device === device)) {
      if ("prepends" in settlement) {
        for (const [prefix, prepends] of settlement.prepends) owed.set(prefix, prepends);
        continue;
      }
      const change = this.changeOf(settlement.token);
      if (change?.state !== "confirmed" || change.decision.action !== "bgp-prepend") continue;
      for (const one of change.decision.changes) if (one.device === device) owed.set(one.prefix, one.to);
    }
    return owed;
  }
}
