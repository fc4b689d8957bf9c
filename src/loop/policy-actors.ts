import type { Clock } from "../kernel/clock.ts";
import { type Change, finalStates } from "../model/change.ts";
import type { PolicyStep } from "../model/controller.ts";
import type { Network } from "../model/inventory.ts";
import type { ActorSnapshot, Journal } from "../model/journal.ts";
import type { Policy } from "../model/policy.ts";
import { targetsOf } from "../model/scope.ts";
import { type PolicyActor, type PolicyEvent, startActor, stepActor } from "../policy/actor.ts";
import type { Ledger } from "./ledger.ts";

type Deps = Readonly<{
  policies: readonly Policy[];
  network: Network;
  ledger: Ledger;
  journal: Journal;
  clock: Clock;
}>;

/** One actor per policy and target. Its new state is journaled before anything is done about it. */
export class PolicyActors {
  readonly #deps: Deps;
  readonly #actors = new Map<string, PolicyActor>();
  readonly #listeners = new Set<(step: PolicyStep) => void>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  get(policy: Policy, target: string): PolicyActor {
    return this.#actors.get(keyOf(policy, target)) ?? startActor(policy, target);
  }

  /** Calls back after every step into another state, once it is journaled. */
  onStep(listener: (step: PolicyStep) => void): void {
    this.#listeners.add(listener);
  }

  async step(policy: Policy, target: string, event: PolicyEvent): Promise<PolicyActor> {
    const before = this.get(policy, target);
    const after = stepActor(policy, target, before, event);
    this.#actors.set(keyOf(policy, target), after);
    if (after.state !== before.state) {
      const actor: ActorSnapshot = { policy: policy.name, target, snapshot: after.snapshot };
      const { detail, correlation } = after;
      const body = { policy: policy.name, from: before.state, detail, ...(correlation && { correlation }) };
      const entry = { event: `policy.${after.state}`, actor: "pointsman", subject: target, body };
      await this.#deps.journal.append(entry, { actor });
      for (const listener of this.#listeners) listener(stepOf(policy, target, before, after, event));
    }
    return after;
  }

  /** Goes on from what a predecessor saved, after what it may have missed. */
  restore(policy: Policy, target: string, snapshots: readonly ActorSnapshot[]): void {
    const saved = snapshots.find((one) => one.policy === policy.name && one.target === target);
    const actor = startActor(policy, target, saved?.snapshot);
    const waiting = actor.state === "deciding" || actor.state === "proposed" || actor.state === "changing";
    const newest = this.#deps.ledger
      .all()
      .find(({ policy: { name }, decision }) => name === policy.name && decision.intent.target === target);
    const orphaned = waiting && (!newest || finalStates.includes(newest.state));
    // Died between the actor's step and the change it asked for, or between the change's end and the actor's.
    const missed: PolicyEvent = (actor.state !== "deciding" &&
      newest &&
      eventOf(newest, newest.times.endedMs ?? 0)) || {
      type: "nothing-done",
      reason: "the controller stopped while deciding",
      atMs: this.#deps.clock.now(),
    };
    this.#actors.set(keyOf(policy, target), orphaned ? stepActor(policy, target, actor, missed) : actor);
  }

  /** Lets the actor that a change is about know what became of it. */
  async tell(change: Change): Promise<void> {
    const { policies, network, clock } = this.#deps;
    const policy = policies.find((one) => one.name === change.policy.name);
    const { target } = change.decision.intent;
    const event = eventOf(change, clock.now());
    if (policy && event && targetsOf(network, policy).includes(target)) await this.step(policy, target, event);
  }
}

function stepOf(
  { name: policy, trigger: { signal } }: Policy,
  target: string,
  before: PolicyActor,
  { state, detail, correlation }: PolicyActor,
  event: PolicyEvent,
): PolicyStep {
  const seen = event.type === "evaluated" && event.observation.kind === "seen" ? event.observation : undefined;
  return {
    ...{ policy, target, from: before.state, state, detail },
    ...(correlation === null ? {} : { correlation }),
    ...(seen ? { sample: { signal, value: seen.value, measuredMs: seen.measuredMs } } : {}),
  };
}

const keyOf = (policy: Policy, target: string) => `${policy.name} ${target}`;

function eventOf(change: Change, atMs: number): PolicyEvent | undefined {
  switch (change.state) {
    case "preparing":
      return { type: "changing" };
    case "confirmed":
      // A rollback that a person asked for holds the policy back, as one of its own would.
      return { type: "ended", outcome: change.origin.kind === "operator" ? "rolled-back" : "confirmed", atMs };
    case "aborted":
      // A person's rollback that came too late is theirs to ask for anew, and still holds the policy back.
      return { type: "ended", outcome: isStale(change) ? "stale" : "aborted", atMs };
    case "rejected":
    case "expired":
    case "rolled-back":
    case "stuck":
      return { type: "ended", outcome: change.state, atMs };
    case "proposed":
    case "dry-run":
    case "awaiting-approval":
    case "committing":
    case "verifying":
    case "confirming":
    case "rolling-back":
      return undefined;
  }
}

const isStale = ({ origin, outcome }: Change) => origin.kind === "policy" && outcome?.code === "DEVICE_CHANGED";
