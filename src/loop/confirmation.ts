import { unifiedDiff } from "../kernel/diff.ts";
import { Failure, fail, ok, type Result } from "../kernel/failure.ts";
import type { DeviceStep } from "../model/device.ts";
import type { Platform } from "../model/inventory.ts";

/**
 * What is confirmed together, first things first. While routers are being confirmed some are for good and some are not, and
 * a later one may still fail: then all are undone. So those come first whose confirmed change is safest to undo.
 */
export function confirmationOrder(steps: readonly DeviceStep[]): readonly (readonly DeviceStep[])[] {
  return ways.map((way) => steps.filter(({ platform }) => undoOf(platform) === way)).filter((wave) => wave.length > 0);
}

const ways = ["one-commit", "line-by-line"] as const;

function undoOf(platform: Platform): (typeof ways)[number] {
  switch (platform) {
    case "openconfig": // NETCONF: validated as a whole, and there or not there.
      return "one-commit";
    case "frr":
    case "linux-srv6":
    case "linux-htb": // Over a shell: it can end halfway, and then only the timer's script knows where.
      return "line-by-line";
  }
}

/** Whether a trial stands as it was made: one that does not, on any router, is a reason to confirm none. */
export function standing({ device, basis, expected }: DeviceStep, running: string): Result<void> {
  if (running === expected) return ok(undefined);
  if (running === basis) return fail(new Failure("TRIAL_EXPIRED", `${device} went back by itself before the verdict`));
  const diff = unifiedDiff(device, expected, running, { before: "on trial", after: "running" });
  return fail(
    new Failure("DEVICE_CHANGED", `${device}: someone else changed it while the change was on trial:\n${diff}`, {
      mend: `See who changed ${device} and why`,
    }),
  );
}
