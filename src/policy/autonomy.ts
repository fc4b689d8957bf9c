import { formatPercent, ratio } from "../kernel/units.ts";
import type { Change } from "../model/change.ts";
import type { Autonomy, Mode, Policy } from "../model/policy.ts";

/** Of a policy that does not say: a tenth of a link is more than traffic breathes in a verification. */
export const usualAutonomy: Autonomy = { maxPredictionError: ratio(0.1), over: 5 };

/** Taken back once may be bad luck. */
const tooOftenWorse = 2;

/** The mode that a policy has earned. `lowered`: why it is not the one written in its file. */
export type EarnedMode = Readonly<{ mode: Mode; meanError?: number; lowered?: string }>;

/**
 * An `auto` policy is lowered to `propose` while its predictions cannot be relied on: while the mean of its last `over` prediction
 * errors is beyond its limit, or two of its last `over` changes that have a verdict were measured to make things worse.
 * It rises again when what people approve since goes as predicted, which pushes the bad ones out of the last `over`. All of it is
 * read off the journaled changes, so that a restart changes nothing. Silence is not counted: telemetry failed, not the prediction.
 * `changes` newest first; what people asked for does not count.
 */
export function earnedMode(policy: Policy, changes: readonly Change[]): EarnedMode {
  const { maxPredictionError, over } = policy.autonomy ?? usualAutonomy;
  const verdicts = changes
    .filter(({ origin }) => origin.kind === "policy" && origin.policy === policy.name)
    .flatMap(({ verdict }) => (verdict && verdict.outcome !== "silent" ? [verdict] : []));
  const judged = verdicts.slice(0, over);
  // What could not be measured is no proof that it goes well again.
  const measured = verdicts.flatMap(({ predictionError }) => (predictionError ? [predictionError.error] : []));
  const errors = measured.slice(0, over);
  const mean = errors.length > 0 ? errors.reduce((sum, error) => sum + error, 0) / errors.length : undefined;
  const known = mean === undefined ? {} : { meanError: mean };
  if (policy.mode !== "auto") return { mode: policy.mode, ...known };
  const lowered = (why: string) => ({ mode: "propose", ...known, lowered: why }) as const;
  if (mean !== undefined && mean > maxPredictionError) {
    const of = errors.length === 1 ? "its last change" : `its last ${errors.length} changes on average`;
    const [missed, allowed] = [formatPercent(mean), formatPercent(maxPredictionError)];
    return lowered(`${of} missed the prediction by ${missed} of a link's capacity, over the ${allowed} of its policy`);
  }
  const worse = judged.filter(({ outcome }) => outcome === "worse").length;
  if (worse < tooOftenWorse) return { mode: "auto", ...known };
  return lowered(`${worse} of its last ${judged.length} changes made things worse and were taken back`);
}
