import { type Correlation, correlationOf } from "../model/correlation.ts";
import type { Intent } from "../model/decision.ts";
import type { Policy } from "../model/policy.ts";
import type { Evaluated } from "./events.ts";

export type Evaluation = Readonly<{ atMs: number; value: number }>;

/** What speaks for a decision, gathered over evaluations. Times of evidence are source times of the samples. */
export type Evidence = Readonly<{
  /** When the last evaluation was, by the controller's clock. */
  evaluatedMs: number | null;
  /** Source time of the newest sample that was counted. */
  measuredMs: number | null;
  /** The newest evaluations, oldest first, at most `for.of`. */
  window: readonly Evaluation[];
  /** Since when the moved traffic could go back: the predicted value then and now. */
  calm: Readonly<{ changeId: string; first: Evaluation; last: Evaluation }> | null;
}>;

export const noEvidence: Evidence = { evaluatedMs: null, measuredMs: null, window: [], calm: null };

/** One evaluation, judged by the policy's thresholds against the evidence so far. */
export type Assessment = Readonly<{
  evidence: Evidence;
  /** Of a breach that begins with this sample; null without one. */
  correlation: Correlation | null;
  above: boolean;
  /** Under `clear`: a breach is over. */
  under: boolean;
  /** The evidence holds `for.of` evaluations. */
  full: boolean;
  /** What the evidence asks for; null when it does not. */
  relieve: Intent | null;
  giveBack: Intent | null;
}>;

export function assess(policy: Policy, target: string, before: Evidence, event: Evaluated): Assessment {
  const { observation, atMs } = event;
  const { signal, above, clear } = policy.trigger;
  const common = { policy: policy.name, target, signal };
  if (event.frozen || observation.kind === "blind") {
    const evidence = { ...noEvidence, evaluatedMs: atMs, measuredMs: before.measuredMs };
    return { evidence, correlation: null, above: false, under: false, full: false, relieve: null, giveBack: null };
  }

  const { value, measuredMs } = observation;
  const { window, calm } = interrupted(policy, before, atMs) ? noEvidence : before;
  // The same sample seen again is not a second witness.
  const fresh = before.measuredMs === null || measuredMs > before.measuredMs;
  const evidence: Evidence = {
    evaluatedMs: atMs,
    measuredMs: fresh ? measuredMs : before.measuredMs,
    window: fresh ? [...window, { atMs: measuredMs, value }].slice(-policy.trigger.for.of) : window,
    calm: calmAfter(policy, calm, event.reclaim, measuredMs),
  };

  const fires = fresh && evidence.window.filter((seen) => seen.value > above).length >= policy.trigger.for.count;
  const back = evidence.calm;
  const calmLongEnough = back !== null && back.last.atMs - back.first.atMs >= policy.holdMs;
  return {
    evidence,
    correlation: correlationOf(policy.name, target, measuredMs),
    above: value > above,
    under: value < clear,
    full: evidence.window.length === policy.trigger.for.of,
    relieve: fires ? { ...common, kind: "relieve", threshold: above, evidence: evidence.window } : null,
    giveBack:
      event.reclaim && back && calmLongEnough
        ? {
            ...common,
            kind: "give-back",
            threshold: clear,
            evidence: [back.first, back.last],
            ...event.reclaim.displacement,
          }
        : null,
  };
}

/**
 * A gap in the evaluations (a restart, a clock that was set) is not evidence, on either side of it. Evaluations come with
 * samples, which arrive at least once in `freshnessIntervals` of at most `every` each, or else the link is blind; two more for delays on the way.
 */
function interrupted(policy: Policy, { evaluatedMs }: Evidence, atMs: number): boolean {
  if (evaluatedMs === null) return false;
  const gapMs = atMs - evaluatedMs;
  return gapMs < 0 || gapMs > (policy.guard.freshnessIntervals + 2) * policy.trigger.everyMs;
}

function calmAfter(
  policy: Policy,
  before: Evidence["calm"],
  reclaim: Evaluated["reclaim"],
  measuredMs: number,
): Evidence["calm"] {
  if (!reclaim || !(reclaim.predicted <= policy.trigger.clear)) return null;
  const { changeId } = reclaim.displacement;
  const here = { atMs: measuredMs, value: reclaim.predicted };
  if (before?.changeId !== changeId) return { changeId, first: here, last: here };
  return { ...before, last: measuredMs > before.last.atMs ? here : before.last };
}
