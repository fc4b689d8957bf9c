import type { Attribution } from "./class-health.ts";
import type { Correlation } from "./correlation.ts";
import type { Alternative, GuardFinding } from "./decision.ts";

/**
 * What a policy last concluded for a target. `compute`: the network is not to blame for a service class at risk; `unclear`: nobody is known to
 * be. Either way nothing on it is touched.
 */
export type Conclusion = Readonly<{
  atMs: number;
  policy: string;
  target: string;
  correlation: Correlation;
  outcome: "proposed" | "nothing-helps" | "denied" | "unreadable" | "compute" | "unclear";
  reason: string;
  mend?: string;
  /** The change proposed. */
  changeId?: string;
  /** Why the network is not to blame, where it is not. */
  attribution?: Attribution;
  alternatives: readonly Alternative[];
  guards: readonly GuardFinding[];
}>;
