import { type Random, seededRandom } from "../../src/kernel/random.ts";

/**
 * What goes wrong. The first number is how often it does at its worst: a share of the occasions, or, for what needs none, so many
 * times an hour. Each seed makes some of them as bad as that, some milder, and leaves some out.
 */
const worst = {
  /** Of the connections to a router, and of the messages sent over one. */
  "session-dropped": 0.02,
  "reply-lost": 0.02,
  /** No answer, whether it was done or not. */
  "rpc-unanswered": 0.01,
  /** Done, but only after whoever asked has given up waiting. */
  "rpc-late": 0.01,
  /** A router keeps a session, and its locks, for a while after the controller has hung up. */
  "session-lingers": 0.3,
  /** Of commits: `<ok/>`, and nothing is applied. */
  "lying-commit": 0.1,
  /** Of the routers' own timers. */
  "timer-early": 0.5,
  "timer-late": 0.5,
  "timer-twice": 0.5,
  /** An hour, each router. */
  "reboot-to-running": 6,
  "reboot-to-startup": 3,
  "lock-contention": 20,
  "another-writer": 8,
  /** Of the locks that are asked for: another writer, right then. */
  "writer-at-lock": 0.2,
  /** Of the trials that begin: another writer, or a reboot, while they last. */
  "writer-during-trial": 0.3,
  "reboot-during-trial": 0.3,
  /** Of the batches of samples. */
  "samples-delayed": 0.1,
  "samples-twice": 0.1,
  "samples-lost": 0.1,
  /** An hour, each source: nothing comes for minutes. */
  "telemetry-stops": 6,
  /** Of the sources, once. */
  "clock-skewed": 0.4,
  /** Of the journal's writes. */
  "killed-before-write": 0.1,
  "killed-after-write": 0.1,
  "disk-full": 0.01,
  /** An hour. */
  killed: 6,
  stopped: 4,
  "second-controller": 10,
} as const;

export type FaultKind = keyof typeof worst;
export const faultKinds = Object.keys(worst) as FaultKind[];

/** Each name has randomness of its own, so that a fault left out leaves the others as they were. */
export function streamOf(seed: number, name: string): Random {
  let hash = seed;
  for (const letter of name) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193) >>> 0;
  return seededRandom(hash);
}

/** What goes wrong in one run, and when. */
export class Faults {
  readonly #rates = new Map<FaultKind, number>();
  readonly #streams = new Map<FaultKind, Random>();
  #calm = false;

  constructor(seed: number, leftOut: ReadonlySet<FaultKind>) {
    for (const kind of faultKinds) {
      const luck = streamOf(seed, `severity of ${kind}`)();
      const share = luck < 0.5 ? 0 : luck < 0.85 ? 0.3 : 1;
      this.#rates.set(kind, leftOut.has(kind) ? 0 : worst[kind] * share);
      this.#streams.set(kind, streamOf(seed, kind));
    }
  }

  /** From here on nothing goes wrong any more. */
  calm(): void {
    this.#calm = true;
  }

  /** Whether it happens on this occasion. */
  hits(kind: FaultKind): boolean {
    return this.random(kind) < this.rate(kind) && !this.#calm;
  }

  /** How long until it happens the next time; undefined when it never does. */
  nextMs(kind: FaultKind): number | undefined {
    const rate = this.rate(kind);
    if (rate === 0 || this.#calm) return undefined;
    return (-Math.log(1 - this.random(kind)) / rate) * 3_600_000;
  }

  get isCalm(): boolean {
    return this.#calm;
  }

  rate(kind: FaultKind): number {
    return this.#rates.get(kind) ?? 0;
  }

  /** More randomness of this fault's own: how long, which, what. */
  random(kind: FaultKind): number {
    return (this.#streams.get(kind) as Random)();
  }
}
