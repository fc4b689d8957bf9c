import { planChange } from "../change/plan.ts";
import type { Templates } from "../change/templates.ts";
import { decide } from "../decision/decide.ts";
import { approvalsNeeded } from "../guard/approvals.ts";
import { denied, judgeGuards } from "../guard/guard.ts";
import { assert } from "../kernel/assert.ts";
import type { Clock } from "../kernel/clock.ts";
import { Failure, fail, mendOf, type Result } from "../kernel/failure.ts";
import { Turns } from "../kernel/turns.ts";
import type { Change } from "../model/change.ts";
import type { Conclusion } from "../model/conclusion.ts";
import type { PolicyStatus, Trouble } from "../model/controller.ts";
import type { Intent } from "../model/decision.ts";
import type { DevicePort } from "../model/device.ts";
import type { LinkName, Network } from "../model/inventory.ts";
import type { Journal, Switches } from "../model/journal.ts";
import type { NetworkState, PrefixRate } from "../model/network-state.ts";
import type { Policy } from "../model/policy.ts";
import { targetsOf } from "../model/scope.ts";
import { type Observation, observe } from "../policy/observe.ts";
import { predictReclaim } from "../policy/reclaim.ts";
import { AutonomyWatch } from "./autonomy.ts";
import { displacements, touched } from "./displacements.ts";
import { DriftWatch } from "./drift-watch.ts";
import { Ledger } from "./ledger.ts";
import { nextState } from "./lifecycle.ts";
import { PolicyActors } from "./policy-actors.ts";
import { policyStatus } from "./policy-status.ts";
import { guardsAtPush, type Push, verdictOn } from "./push.ts";
import { recover } from "./recover.ts";
import { Routers } from "./routers.ts";
import { Runner } from "./runner.ts";
import { withSharedPaths } from "./shared-paths.ts";
import { standingPrepends } from "./standing-prepends.ts";
import { stoppedBy } from "./stopped.ts";
import { TelemetrySignal } from "./telemetry-signal.ts";
import { Troubles } from "./troubles.ts";

export type LoopDeps = Readonly<{
  network: Network;
  policies: readonly Policy[];
  templates: Templates;
  /** What is known now; `onUpdate` calls back at every new sample. */
  telemetry: {
    snapshot(nowMs: number): NetworkState;
    onUpdate(listener: () => void): void;
    unlisted(link: LinkName, sinceMs: number): readonly PrefixRate[];
  };
  devices: ReadonlyMap<string, DevicePort>;
  journal: Journal;
  clock: Clock;
  /** A token that nobody can guess, `[a-z0-9-]+`: it names a trial on a router. */
  token: () => string;
  /** Called when a router or a telemetry target can no longer be worked with, fails in another way, or is well again. */
  onTrouble: (trouble: Trouble) => void;
  /** Called when a policy finds nothing to do about a target, where its outcome is another than the last time. */
  onConclusion: (conclusion: Conclusion) => void;
  /** A bug, or a journal that cannot be written: the loop has stopped, and the routers stay as last confirmed. */
  onFatal: (error: unknown) => void;
}>;

/**
 * The order of the stages. Samples come in by `telemetry`; each policy looks at each of its targets when there is something
 * new, at most once per `every`; an intent is decided, guarded, planned, journaled and handed to the runner.
 */
export class Loop {
  readonly ledger: Ledger;
  readonly runner: Runner;
  readonly routers: Routers;
  readonly drift: DriftWatch;
  readonly actors: PolicyActors;
  readonly autonomy: AutonomyWatch;
  /** When each policy last looked at a target; for one that decides or waits for its turn to, when the turn last passed on. */
  readonly lookedMs = new Map<string, number>();
  /** What a predecessor left under way, until it is finished or undone. */
  readonly recovering = new Set<string>();
  /** By policy and target. */
  readonly conclusions = new Map<string, Conclusion>();
  switches: Switches = { frozen: null, killed: null };
  readonly #deps: LoopDeps;
  readonly #switching = new Turns();
  readonly #deciding = new Turns();
  /** The policies that decide, or wait for their turn to. */
  readonly #inTurn = new Set<Policy>();
  readonly #signal: TelemetrySignal;
  readonly #stops: (() => void)[] = [];
  /** Source time of the sample last evaluated, by policy and target. */
  readonly #evaluated = new Map<string, number>();
  readonly #busy = new Set<Promise<void>>();
  #loading: Promise<void> | undefined;
  #hasStarted = false;
  #onStart: () => void = () => undefined;
  readonly #start = new Promise<void>((resolve) => {
    this.#onStart = resolve;
  });
  /** A bug, or a journal that cannot be written, has stopped it. */
  failed = false;
  readonly #troubles: Troubles;
  #stopped = false;

  constructor(deps: LoopDeps) {
    this.#deps = deps;
    const { clock, telemetry } = deps;
    this.#troubles = new Troubles(deps.onTrouble);
    this.ledger = new Ledger(deps.journal, clock);
    this.drift = new DriftWatch({ ...deps, ledger: this.ledger, troubles: this.#troubles });
    this.routers = new Routers(deps, () => {
      const compare = this.drift.begin();
      return (device, read) => {
        this.#troubles.router(device, read.ok ? undefined : read.failure);
        if (read.ok) void this.background(compare(device, read.value));
      };
    });
    this.actors = new PolicyActors({ ...deps, ledger: this.ledger });
    const onTrouble = (policy: string, failure: Failure | undefined) => this.#troubles.policy(policy, failure);
    this.autonomy = new AutonomyWatch({ ...deps, ledger: this.ledger, onTrouble });
    this.#signal = new TelemetrySignal(clock, deps.network.telemetry.intervalMs);
    telemetry.onUpdate(() => this.#signal.raise());
    const push: Push = {
      ...{ network: deps.network, clock, ledger: this.ledger, routers: this.routers },
      state: () => this.#snapshot(),
      switches: () => this.switches,
      drained: () => this.#drained(),
    };
    this.runner = new Runner({
      ledger: this.ledger,
      devices: deps.devices,
      clock,
      state: () => this.#snapshot(),
      guards: (change) => guardsAtPush(push, change),
      earned: (policy) => this.autonomy.of(policy),
      verify: (change, before, now) => verdictOn(push, change, before, now),
      nextTelemetry: (signal) => this.#signal.next(signal),
    });
  }

  /** Reads what a predecessor left. From then on it can be stopped; what else people ask for waits until it has started. */
  load(): Promise<void> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  async #load(): Promise<void> {
    const { journal, policies } = this.#deps;
    await this.ledger.load();
    await this.drift.start();
    this.switches = await journal.switches();
    const snapshots = await journal.actors();
    for (const policy of policies) {
      for (const target of this.#targets(policy)) this.actors.restore(policy, target, snapshots);
    }
    this.#stops.push(this.ledger.onTransition((change) => void this.background(this.actors.tell(change))));
  }

  /** Finishes or undoes what a predecessor left under way, then starts watching. */
  async start(): Promise<void> {
    await this.load();
    this.#stops.push(this.ledger.onTransition((change) => this.#troubles.change(change)));
    for (const change of this.ledger.open()) if (change.state === "stuck") this.#troubles.stuck(change);
    const { killed } = this.switches;
    // A kill that was cut short: what is of a policy is from before it, what a person orders may be from after it.
    const unstopped = this.ledger.open().filter(({ origin, stop }) => origin.kind === "policy" && !stop);
    if (killed) await this.#stopAll(killed.by, killed.reason, unstopped);
    for (const id of await recover(this.ledger)) {
      this.recovering.add(id);
      void this.background(this.runner.run(id).finally(() => this.recovering.delete(id)));
    }
    await this.autonomy.start();
    this.#stops.push(
      this.ledger.onTransition(({ verdict }) => verdict && void this.background(this.autonomy.update())),
    );
    for (const policy of this.#deps.policies) this.#watch(policy);
    this.#stops.push(this.routers.keepVisiting((work) => void this.background(work)));
    this.#hasStarted = true;
    this.#onStart();
  }

  /** Stops watching, takes back what has no verdict yet, and waits until the routers are quiet. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#onStart(); // Who waits for it hears that there is none.
    for (const stop of this.#stops) stop();
    this.runner.end("pointsman", "the controller is stopping");
    while (this.#busy.size > 0) await Promise.all(this.#busy);
    await Promise.all([...this.#deps.devices.values()].map((device) => device.close()));
  }

  /** Work nobody waits for: its failure is a bug, and stops the loop. */
  background(work: Promise<unknown>): Promise<void> {
    const tracked: Promise<void> = work
      .then(
        () => undefined,
        (error: unknown) => {
          this.#stopped = true;
          this.failed = true;
          this.#deps.onFatal(error);
        },
      )
      .finally(() => this.#busy.delete(tracked));
    this.#busy.add(tracked);
    return tracked;
  }

  /** What a person asks for: refused once the controller stops, and waited for before it leaves the routers. */
  async request<T>(work: () => Promise<Result<T>>): Promise<Result<T>> {
    const begin = async () =>
      this.#stopped
        ? fail(new Failure("STOPPED", "the controller is stopping", { mend: "ask the next one" }))
        : await work();
    const asked = this.#hasStarted || this.#stopped ? begin() : this.#start.then(begin);
    const over = asked.then(
      () => undefined,
      () => undefined, // Whoever asked hears of it.
    );
    this.#busy.add(over);
    try {
      return await asked;
    } finally {
      this.#busy.delete(over);
    }
  }

  /**
   * Journals the switches before they count; a kill also stops everything under way. Never waits behind an approval.
   * A failure of `change` switches nothing, and is returned.
   */
  setSwitches(
    change: (now: Switches) => Result<Switches>,
    { event, by, reason }: Readonly<{ event: "freeze" | "kill" | "resume"; by: string; reason?: string }>,
  ): Promise<Result<Switches>> {
    return this.#switching.take(async () => {
      const changed = change(this.switches);
      if (!changed.ok) return changed;
      const switches = changed.value;
      const body = reason === undefined ? switches : { ...switches, reason };
      const entry = { event: `switch.${event}`, actor: by, subject: "switches", body };
      await this.#deps.journal.append(entry, { switches });
      this.switches = switches;
      if (event === "kill") await this.#stopAll(by, reason ?? "");
      return changed;
    });
  }

  async #stopAll(by: string, reason: string, open = this.ledger.open()): Promise<void> {
    const outcome = stoppedBy({ by, reason }).toJSON();
    for (const { id } of open) this.runner.abort(id, by, reason);
    for (const { id, state } of open) {
      // What may be on a router is on its way back, in this life or the next.
      const isOnTrial = nextState(state, "aborted") === "rolling-back";
      if (isOnTrial) await this.ledger.amend(id, "kill-asked", by, { stop: { by, reason } });
      await this.ledger.advance(id, "withdrawn", by, { outcome });
    }
  }

  status(): readonly PolicyStatus[] {
    const { actors, autonomy, switches } = this;
    const actorOf: PolicyActors["get"] = (policy, target) => actors.get(policy, target);
    const modeOf: AutonomyWatch["of"] = (policy) => autonomy.of(policy);
    return policyStatus({ ...this.#deps, switches, state: this.#snapshot(), actorOf, modeOf });
  }

  targets(): NetworkState["targets"] {
    return this.#snapshot().targets;
  }

  #watch(policy: Policy): void {
    const spacingMs = policy.trigger.everyMs / looksPerEvaluation;
    this.#stops.push(this.#signal.pace(spacingMs, () => this.background(this.#evaluate(policy))));
  }

  async #evaluate(policy: Policy): Promise<void> {
    if (this.#stopped) return;
    const { clock, network } = this.#deps;
    await this.#expireProposals();
    const nowMs = clock.now();
    const state = this.#snapshot();
    this.#troubles.targets(state.targets);
    this.lookedMs.set(policy.name, nowMs);
    for (const target of this.#targets(policy)) {
      const displacement = displacements(this.ledger.all(), policy.name, target, nowMs).at(-1);
      const predicted = displacement && predictReclaim(policy, target, state, network, displacement);
      const observation = observe(policy, target, state, network);
      if (!this.#isDue(policy, target, observation)) continue;
      const actor = await this.actors.step(policy, target, {
        type: "evaluated",
        atMs: nowMs,
        observation,
        reclaim: displacement && predicted !== undefined ? { displacement, predicted } : null,
        frozen: this.switches.killed !== null || (this.switches.frozen?.untilMs ?? 0) > nowMs,
      });
      const { intent } = actor;
      if (intent) await this.#decideInTurn(policy, () => this.#decide(policy, target, intent, actor.correlation));
      // A decision may come next: by then the sessions are open.
      else if (actor.state === "breaching") void this.background(this.routers.visit());
    }
  }

  /** One evaluation per sample, and one per `every` where samples come faster; the absence of samples is due at once. */
  #isDue(policy: Policy, target: string, observation: Observation): boolean {
    if (observation.kind === "blind") return true;
    const key = `${policy.name} ${target}`;
    const sinceMs = observation.measuredMs - (this.#evaluated.get(key) ?? Number.NEGATIVE_INFINITY);
    if (sinceMs < policy.trigger.everyMs * jitterShare) return false;
    this.#evaluated.set(key, observation.measuredMs);
    return true;
  }

  /** A decision waits for its routers, and others for it: however many there are, the loop goes on as long as turns pass on. */
  async #decideInTurn(policy: Policy, decide: () => Promise<void>): Promise<void> {
    const passOn = () => {
      for (const { name } of this.#inTurn) this.lookedMs.set(name, this.#deps.clock.now());
    };
    this.#inTurn.add(policy);
    try {
      await this.#deciding.take(() => {
        passOn();
        return decide();
      });
      passOn();
    } finally {
      this.#inTurn.delete(policy);
    }
  }

  async #decide(policy: Policy, target: string, intent: Intent, correlation: string | null): Promise<void> {
    const { network, templates, clock, journal, telemetry } = this.#deps;
    assert(correlation !== null, "an intent is of a breach");
    const detectedMs = clock.now();
    const conclude = async (outcome: Conclusion["outcome"], reason: string, more: Partial<Conclusion> = {}) => {
      const subject = { policy: policy.name, target, correlation };
      const conclusion = { atMs: clock.now(), ...subject, outcome, reason, alternatives: [], guards: [], ...more };
      const key = `${policy.name} ${target}`;
      const isNews = this.conclusions.get(key)?.outcome !== outcome;
      this.conclusions.set(key, conclusion);
      if (outcome === "proposed") return;
      if (isNews) this.#deps.onConclusion(conclusion);
      await journal.append({ event: `decision.${outcome}`, actor: "pointsman", subject: target, body: conclusion });
      await this.actors.step(policy, target, { type: "nothing-done", reason, atMs: clock.now() });
    };

    const read = await this.routers.readAbout(policy.decide.action, target);
    if (!read.ok) return conclude("unreadable", read.failure.message, mendOf(read.failure));
    const { facts, readings } = read.value;
    const state = this.#snapshot();
    const freshMs = policy.guard.freshnessIntervals * network.telemetry.intervalMs;
    const unlisted = telemetry.unlisted(target, state.atMs - freshMs);
    const drained = this.#drained();
    const standing = standingPrepends(facts.announcements, this.ledger.all());
    const decided = decide({ ...facts, intent, policy, network, state, unlisted, drained, standing });
    if (decided.kind === "nothing-helps") {
      return conclude("nothing-helps", decided.reason, { alternatives: decided.alternatives });
    }
    if (decided.kind === "not-network") {
      const { reason, attribution, alternatives } = decided;
      const outcome = attribution.verdict === "compute" ? "compute" : "unclear";
      return conclude(outcome, reason, { attribution, alternatives });
    }
    const { decision } = decided;
    const { alternatives } = decision;
    const guards = judgeGuards({
      ...facts,
      policy,
      network,
      state,
      decision,
      switches: this.switches,
      drained,
      standing,
      touchedMs: touched(this.ledger.all(), target),
      changesInFlight: this.ledger.open(),
      phase: "propose",
      nowMs: clock.now(),
    });
    const no = denied(guards);
    if (no) return conclude("denied", `guard ${no.guard}: ${no.reason}`, { alternatives, guards });
    const plan = planChange(templates, network, decision, readings[decision.action]);
    if (!plan.ok) {
      return conclude("unreadable", plan.failure.message, { ...mendOf(plan.failure), alternatives, guards });
    }

    if (this.#stopped) return;
    const { mode, lowered } = this.autonomy.of(policy);
    const change = await this.propose({
      origin: { kind: "policy", policy: policy.name },
      mode,
      ...(lowered === undefined ? {} : { lowered }),
      correlation,
      policy,
      decision,
      facts,
      plan: plan.value,
      guards,
      times: { ...crossed(intent), detectedMs, decidedMs: clock.now() },
    });
    await conclude("proposed", decision.reason, { changeId: change.id, alternatives, guards });
    await this.actors.step(policy, target, { type: "proposed", changeId: change.id });
    if (policy.mode === "observe") return;
    await this.ledger.advance(change.id, "begun");
    void this.background(this.runner.run(change.id));
  }

  /** Journals a new change in state `proposed`. */
  async propose(
    made: Pick<
      Change,
      "origin" | "mode" | "lowered" | "correlation" | "policy" | "decision" | "facts" | "plan" | "guards" | "times"
    >,
  ): Promise<Change> {
    const { journal, clock, network, token } = this.#deps;
    const id = await journal.nextChangeId();
    const { policy } = made;
    const createdMs = clock.now();
    const patienceMs = (policy.guard.freshnessIntervals + 2) * network.telemetry.intervalMs + 30_000;
    const change: Change = {
      ...made,
      id,
      state: "proposed",
      diffs: {},
      approvals: [],
      needs: approvalsNeeded(made, network),
      createdMs,
      expiresMs: createdMs + policy.approve.expiresMs,
      times: { ...made.times, reached: [{ state: "proposed", atMs: createdMs }] },
      trial: { token: `${id}-${token()}`, timeoutMs: policy.verify.observeMs + patienceMs },
    };
    await this.ledger.add(change);
    return change;
  }

  async #expireProposals(): Promise<void> {
    const nowMs = this.#deps.clock.now();
    for (const change of this.ledger.open()) {
      const waits = change.state === "awaiting-approval" || change.state === "proposed";
      if (waits && nowMs >= change.expiresMs) {
        const outcome = { code: "EXPIRED", message: "nobody approved it in time" } as const;
        await this.ledger.advance(change.id, "expired", "pointsman", { outcome });
      }
    }
  }

  #snapshot(): NetworkState {
    const { telemetry, clock } = this.#deps;
    const state = telemetry.snapshot(clock.now());
    return this.routers.shared ? withSharedPaths(state, this.routers.shared) : state;
  }

  /** What the policies that may act are to keep empty. */
  #drained(): string[] {
    return this.#deps.policies.flatMap(({ scope, mode }) =>
      "drain" in scope && mode !== "observe" ? [scope.drain] : [],
    );
  }

  #targets(policy: Policy): readonly string[] {
    return targetsOf(this.#deps.network, policy);
  }
}

/** A sample is looked at within a tenth of `every` of its arrival, so that detection does not wait for a timer. */
const looksPerEvaluation = 10;
/** Routers' sample timers jitter: one that is a little early still counts as the next. */
const jitterShare = 0.9;

function crossed(intent: Intent): { crossedMs?: number } {
  const first = intent.evidence.find((one) => intent.kind === "give-back" || one.value > intent.threshold);
  return first ? { crossedMs: first.atMs } : {};
}
