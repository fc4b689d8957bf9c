import { createHash } from "node:crypto";

/** What happened, by what it is about: a change's id, a router, or a part of the simulation. */
export type TraceLine = Readonly<{ atMs: number; about: string; what: string }>;

/** Everything that happened, in order. Two runs of one seed give the same. */
export class Trace {
  readonly lines: TraceLine[] = [];
  readonly #now: () => number;
  readonly #hash = createHash("sha256");

  constructor(now: () => number) {
    this.#now = now;
  }

  add(about: string, what: string): void {
    const line = { atMs: this.#now(), about, what };
    this.lines.push(line);
    this.#hash.update(`${line.atMs} ${about} ${what}\n`);
  }

  /** Once, at the end. */
  digest(): string {
    return this.#hash.digest("hex");
  }
}
