import type { GuardFinding } from "../model/decision.ts";
import type { AnycastCase } from "./case.ts";

export function anycastFindings(_facts: AnycastCase): GuardFinding[] {
  return [{ guard: "not-yet", allow: false, reason: "not yet" }];
}
