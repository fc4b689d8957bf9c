import type { Result } from "../../src/kernel/failure.ts";
import type { Random } from "../../src/kernel/random.ts";
import type { Change } from "../../src/model/change.ts";
import type { Facts } from "./facts.ts";
import type { Host, Incarnation } from "./host.ts";
import type { Trace } from "./trace.ts";

type Parts = Readonly<{ random: Random; host: Host; facts: Facts; trace: Trace }>;

/** What people do: mostly approve, some of them late or twice; sometimes reject, roll back, freeze, kill, resume. */
export class People {
  readonly #parts: Parts;
  /** How long somebody takes to look at a proposal: some runs have people who come after it has expired. */
  readonly #patience: number;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#patience = parts.random() < 0.3 ? 0.04 : 0.3;
  }

  /** Now and then. */
  look(): void {
    const { random, host } = this.#parts;
    const { running } = host;
    if (!running) return;
    const chance = (share: number) => random() < share;
    for (const change of running.loop.ledger.all().slice(0, 12)) this.#consider(running, change, chance);
    const { killed, frozen } = running.loop.switches;
    if (chance(0.004)) this.#ask(running, "switch.kill", "bob", "switches", (it) => it.kill("bob", "smoke"));
    if (chance(0.004)) {
      const untilMs = running.clock.now() + 60_000;
      this.#ask(running, "switch.freeze", "eve", "switches", (it) => it.freeze("eve", untilMs, "match day"));
    }
    if ((killed || frozen) && chance(0.15))
      this.#ask(running, "switch.resume", "ann", "switches", (it) => it.resume("ann"));
  }

  #consider(
    running: Incarnation,
    { id, state, approvals, expiresMs }: Change,
    chance: (share: number) => boolean,
  ): void {
    if (state === "awaiting-approval") {
      for (const by of ["ann", "bob"]) if (chance(this.#patience)) this.#approve(running, id, by);
      // Twice, as somebody does who is not sure whether the first was heard.
      const [first] = approvals;
      if (first && chance(0.3)) this.#approve(running, id, first.by);
      // Somebody who has left the page open.
      if (running.clock.now() >= expiresMs && chance(0.5))
        for (const by of ["ann", "bob"]) this.#approve(running, id, by);
      if (chance(0.02)) this.#ask(running, "change.rejected", "eve", id, (it) => it.reject(id, "eve", "not now"));
    }
    if (state === "expired" && chance(0.05)) this.#approve(running, id, "bob");
    const back = { verifying: 0.03, confirming: 0.05, confirmed: 0.003, stuck: 0.2 }[state as string] ?? 0;
    if (chance(back)) this.#rollBack(running, id, "eve");
  }

  #approve(running: Incarnation, id: string, by: string): void {
    this.#ask(running, undefined, by, id, (it) => it.approve(id, by));
  }

  #rollBack(running: Incarnation, id: string, by: string): void {
    this.#ask(running, undefined, by, id, (it) => it.rollback(id, by, "back"));
  }

  #ask(
    running: Incarnation,
    event: string | undefined,
    by: string,
    subject: string,
    ask: (controller: Incarnation["controller"]) => Promise<Result<unknown>>,
  ): void {
    const { facts, trace } = this.#parts;
    const asked = ask(running.controller);
    trace.add(subject, `${by} asks for ${event ?? "something"}`);
    void asked.then(
      (answer) => {
        if (event !== undefined && answer.ok && running.alive)
          facts.granted.push({ event, by, subject, atMs: facts.nowMs });
      },
      // A disk that is full: whoever asked is told so, and nothing was granted.
      () => trace.add(subject, `${by} is told that it failed`),
    );
  }
}
