import type { Facts } from "./facts.ts";

export type Violation = Readonly<{ invariant: string; what: string }>;

/** Asks invariants, and keeps the first that does not hold: what comes after it is its consequence. */
export class Judge {
  violation: Violation | undefined;
  readonly #facts: Facts;

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  ask<Case>(invariants: Readonly<Record<string, (facts: Facts, at: Case) => string | undefined>>, at?: Case): void {
    for (const [name, invariant] of Object.entries(invariants)) this.found(name, invariant(this.#facts, at as Case));
  }

  found(invariant: string, what: string | undefined): void {
    if (what !== undefined) this.violation ??= { invariant, what };
  }
}
