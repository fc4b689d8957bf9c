import type { Attribution } from "../model/class-health.ts";
import type { Alternative, GuardFinding } from "../model/decision.ts";

/** What a policy last concluded for a target, for `explain`. */
export type Conclusion = Readonly<{
  atMs: number;
  policy: string;
  target: string;
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
