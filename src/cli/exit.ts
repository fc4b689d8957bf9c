import type { Failure } from "../kernel/failure.ts";
import type { Change } from "../model/change.ts";

/** What a shell or a scheduler can act on; documented in README. */
export const exitCode = {
  done: 0,
  otherFailure: 1,
  badUsage: 2,
  nothingToDo: 3,
  waitingForApproval: 4,
  blocked: 5,
  rolledBack: 6,
  forbidden: 7,
} as const;

export function exitCodeOf(failure: Failure): number {
  switch (failure.code) {
    case "CONFIG_INVALID":
    case "SECRET_MISSING":
    case "NOT_FOUND":
      return exitCode.badUsage;
    case "APPROVAL_REFUSED":
    case "NOTHING_TO_DO":
    case "REJECTED":
    case "EXPIRED":
      return exitCode.nothingToDo;
    case "GUARD_DENIED":
    case "STOPPED":
      return exitCode.blocked;
    case "CONTROLLER_AUTH":
    case "FORBIDDEN":
      return exitCode.forbidden;
    case "DEVICE_UNREACHABLE":
    case "DEVICE_HOST_KEY":
    case "DEVICE_AUTH":
    case "DEVICE_TIMEOUT":
    case "DEVICE_PROTOCOL":
    case "DEVICE_LOCKED":
    case "DEVICE_REFUSED":
    case "DEVICE_CHANGED":
    case "DEVICE_NOT_APPLIED":
    case "DEVICE_UNSUPPORTED":
    case "TRIAL_EXPIRED":
    case "CHANGE_UNSUPPORTED":
    case "TELEMETRY_FAILED":
    case "WEBHOOK_FAILED":
    case "CONTROLLER_UNREACHABLE":
    case "RATE_LIMITED":
    case "JOURNAL_LOCKED":
    case "JOURNAL_BROKEN":
    case "INTERNAL":
    case "AUTONOMY_LOWERED":
    case "VERIFY_WORSE":
    case "VERIFY_SILENT":
      return exitCode.otherFailure;
  }
}

/** How a change stands, as an exit code. */
export function exitCodeFor(change: Pick<Change, "state" | "outcome">): number {
  switch (change.state) {
    case "confirmed":
      return exitCode.done;
    case "proposed":
    case "dry-run":
    case "awaiting-approval":
      return exitCode.waitingForApproval;
    case "rolled-back":
      return exitCode.rolledBack;
    case "aborted":
      return change.outcome?.code === "GUARD_DENIED" || change.outcome?.code === "STOPPED"
        ? exitCode.blocked
        : exitCode.otherFailure;
    case "rejected":
    case "expired":
      return exitCode.nothingToDo;
    case "preparing":
    case "committing":
    case "verifying":
    case "confirming":
    case "rolling-back":
    case "stuck":
      return exitCode.otherFailure;
  }
}
