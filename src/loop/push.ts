import { judgeGuards } from "../guard/guard.ts";
import type { Clock } from "../kernel/clock.ts";
import { ok, type Result } from "../kernel/failure.ts";
import type { Change } from "../model/change.ts";
import type { GuardFinding, Verdict } from "../model/decision.ts";
import type { Network } from "../model/inventory.ts";
import type { Switches } from "../model/journal.ts";
import type { NetworkState } from "../model/network-state.ts";
import { verifyChange } from "../verify/verify.ts";
import { touched } from "./displacements.ts";
import type { Ledger } from "./ledger.ts";
import type { Routers } from "./routers.ts";
import { standingPrepends } from "./standing-prepends.ts";
import { addsPath } from "./undo.ts";

/** What a change is judged on once it may be made: by the guards right before, by telemetry after. */
export type Push = Readonly<{
  network: Network;
  clock: Clock;
  ledger: Ledger;
  routers: Routers;
  state: () => NetworkState;
  switches: () => Switches;
  /** What the policies that may act are to keep empty. */
  drained: () => readonly string[];
}>;

/** At the push everything is asked anew: what is measured, what is switched, and what the routers announce. */
export async function guardsAtPush(push: Push, change: Change): Promise<Result<readonly GuardFinding[]>> {
  const { network, clock, ledger, routers } = push;
  const ordered = change.origin.kind === "operator";
  const { action, intent } = change.decision;
  // A rollback waits for no router but its own; what another announces counts for nothing while it cannot be read.
  const required = change.plan.steps.map(({ device }) => device);
  const read = await (ordered ? routers.read({ action, required }) : routers.readAbout(action, intent.target));
  if (!read.ok && !ordered) return read;
  const nowMs = clock.now();
  // Of its own routers alone, which must still read so to be changed.
  const facts = read.ok ? read.value.facts : change.facts;
  const findings = judgeGuards({
    ...facts,
    policy: change.policy,
    network,
    state: push.state(),
    decision: change.decision,
    switches: push.switches(),
    drained: push.drained(),
    standing: standingPrepends(facts.announcements, ledger.all()),
    touchedMs: touched(ledger.all(), change.decision.intent.target, change.id),
    // The runner takes one change at a time: another that is preparing waits for its turn.
    changesInFlight: ledger.open().filter((other) => {
      // What is stuck on other routers must not keep a person from going back on these.
      const isElsewhere = ordered && other.state === "stuck" && !shareRouter(change, other);
      return other.id !== change.id && other.state !== "preparing" && !isElsewhere;
    }),
    phase: "push",
    nowMs,
  });
  // A person takes a confirmed change back to what ran before: neither silence nor their own kill must stop them.
  return ok(ordered ? findings.filter((finding) => alwaysBinding.has(finding.guard)) : findings);
}

/** Null while it is too early to say. */
export function verdictOn(
  { network, clock }: Push,
  change: Change,
  before: NetworkState,
  now: NetworkState,
): Verdict | null {
  if (change.origin.kind === "operator" && !addsPath(change.decision)) {
    const text = `every router reads as it did before ${change.origin.undoes}`;
    return { outcome: "better", findings: [{ text, held: true }] } as const;
  }
  const { policy, decision, times } = change;
  const pushedMs = times.committedMs ?? clock.now();
  return verifyChange({ policy, network, decision, before, now, pushedMs, nowMs: clock.now() });
}

/** Guards that hold even for a rollback that a person asks for: none of it may leave a prefix to others, or to nobody. */
const alwaysBinding = new Set([
  ...["allow-list", "rpki", "one-change-in-flight"],
  ...["prepended-everywhere", "drained-everywhere", "last-announcement"],
]);

function shareRouter(one: Change, other: Change): boolean {
  return one.plan.steps.some(({ device }) => other.plan.steps.some((step) => step.device === device));
}
