import type { GuardFinding } from "../model/decision.ts";
import type { QosCase } from "./case.ts";

export function qosFindings(_facts: QosCase): GuardFinding[] {
  return [{ guard: "not-yet", allow: false, reason: "not yet" }];
}
