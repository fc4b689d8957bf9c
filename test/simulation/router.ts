import type { Clock } from "../../src/kernel/clock.ts";
import type { DevicePort } from "../../src/model/device.ts";
import type { Faults } from "./faults.ts";
import type { Trace } from "./trace.ts";

/** One life of the controller, as routers see it: its time, and whether it still lives. */
export type Life = { readonly clock: Clock; alive: boolean };

/** What a router in the simulation tells of itself, as it happens. `device` reads as `reading()` says, before and after. */
export type RouterWatch = Readonly<{
  /** Ours: running became this, until it is confirmed. */
  trialBegun(device: string, token: string, before: string): void;
  trialConfirmed(device: string, token: string, before: string): void;
  /** By its timer, by a reboot, or as it was told to (`asked`, having last read `seen` to who asked). */
  trialReverted(device: string, token: string, how: "by itself" | "asked", before: string, seen: string): void;
  /** Ours: an edit without a trial, which is how a confirmed part is taken back. */
  committed(device: string, before: string): void;
  /** A controller begins to prepare a change there. */
  locking(device: string): void;
  /** Running became another, for whatever reason. */
  changed(device: string): void;
}>;

export type RouterParts = Readonly<{
  clock: Clock;
  faults: Faults;
  trace: Trace;
  watch: RouterWatch;
}>;

export interface SimulatedRouter {
  readonly device: string;
  /** The token of what is on trial. */
  readonly onTrial: string | null;
  /** The port of a controller's life. */
  driver(life: Life): DevicePort;
  /** Every connection of a life that ended is gone, sooner or later. */
  forget(life: Life): void;
  /** Running as the controller's driver would read it. */
  reading(): string;
  /** Prepends by prefix that its export policy sets. */
  announced(): ReadonlyMap<string, number>;
  /** Another writer sets the prepends of a prefix, or adds something of its own. False when a lock keeps it out. */
  write(edit: ForeignEdit): boolean;
  /** A person makes it read `text`, an earlier reading. */
  mend(text: string): void;
  reboot(into: "running" | "startup"): void;
  /** Another's lock on the configuration, for so long. */
  lock(forMs: number): void;
}

export type ForeignEdit = Readonly<
  { kind: "prepends"; prefix: string; to: number } | { kind: "addition"; name: string }
>;

/** A clock whose timers come early, late or twice. */
export function faultyTimers({ clock, faults, trace }: RouterParts, device: string): Clock {
  return {
    now: () => clock.now(),
    after(delayMs, task) {
      let dueMs = delayMs;
      if (faults.hits("timer-early")) dueMs -= faults.random("timer-early") * Math.min(delayMs, 20_000);
      else if (faults.hits("timer-late")) dueMs += faults.random("timer-late") * 30_000;
      const twice = faults.hits("timer-twice");
      if (dueMs !== delayMs) trace.add(device, `its timer will be ${Math.round(dueMs - delayMs)} ms late`);
      return clock.after(dueMs, () => {
        task();
        if (twice) clock.after(faults.random("timer-twice") * 500, task);
      });
    },
  };
}
