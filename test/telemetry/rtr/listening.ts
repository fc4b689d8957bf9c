import { onTestFinished } from "vitest";
import { type Clock, systemClock } from "../../../src/kernel/clock.ts";
import type { RpkiCache } from "../../../src/model/inventory.ts";
import type { RouteOriginSink, RouteOrigins } from "../../../src/model/route-origins.ts";
import type { TargetStatus } from "../../../src/model/sample.ts";
import { rtrSource } from "../../../src/telemetry/rtr/rtr-source.ts";

const timeouts = [10_000, 120_000];

/** A minute's wait is over in a few ms; time-outs stay as they are. */
export const hurriedClock: Clock = {
  now: systemClock.now,
  after: (ms, task) => systemClock.after(timeouts.includes(ms) ? ms : Math.min(5, ms / 1000), task),
};

/** Nobody is waited for. */
export const impatientClock: Clock = {
  now: systemClock.now,
  after: (ms, task) => systemClock.after(ms === 120_000 ? 20 : ms, task),
};

/** Keeps what it is told, and wakes whoever waits for some of it. */
export class OriginSink implements RouteOriginSink {
  known: RouteOrigins | undefined;
  /** By target, oldest first. */
  readonly statuses: Readonly<{ target: string; status: TargetStatus }>[] = [];
  readonly #waiting = new Set<() => void>();

  routeOrigins(known: RouteOrigins | undefined): void {
    this.known = known;
    this.#wake();
  }

  target(target: string, status: TargetStatus): void {
    this.statuses.push({ target, status });
    this.#wake();
  }

  /** `"10.0.0.0/8 to /24 of AS 1"`, sorted; undefined while nothing is known. */
  get vrps(): readonly string[] | undefined {
    return this.known?.vrps.map(({ prefix, maxLength, as }) => `${prefix} to /${maxLength} of AS ${as}`).sort();
  }

  until(condition: (sink: OriginSink) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!condition(this)) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** The first that says the state. */
  async state(state: TargetStatus["state"], target?: string): Promise<TargetStatus> {
    const found = () =>
      this.statuses.find((one) => one.status.state === state && (target === undefined || one.target === target));
    await this.until(() => found() !== undefined);
    return found()?.status as TargetStatus;
  }

  #wake(): void {
    for (const check of [...this.#waiting]) check();
  }
}

export const ourPrefixes = ["192.0.2.0/24", "2001:db8::/32"];

/** A client of these caches, which stops with the test. */
export function listenTo(
  caches: readonly (number | RpkiCache)[],
  { clock = systemClock, prefixes = ourPrefixes }: { clock?: Clock; prefixes?: readonly string[] } = {},
): OriginSink {
  const sink = new OriginSink();
  const source = rtrSource({
    caches: caches.map((cache) => (typeof cache === "number" ? { host: "127.0.0.1", port: cache } : cache)),
    prefixes,
    clock,
    random: () => 0,
  });
  source.start(sink);
  onTestFinished(() => source.stop());
  return sink;
}
