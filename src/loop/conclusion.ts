import type { Alternative, GuardFinding } from "../model/decision.ts";

/** What a policy last concluded for a target, for `explain`. */
export type Conclusion = Readonly<{
  atMs: number;
  policy: string;
  target: string;
  outcome: "proposed" | "nothing-helps" | "denied" | "unreadable";
  reason: string;
  mend?: string;
  /** The change proposed. */
  changeId?: string;
  alternatives: readonly Alternative[];
  guards: readonly GuardFinding[];
}>;
