import type { Reading } from "../change/plan.ts";
import { threeWayDiff } from "../kernel/diff.ts";
import { Failure } from "../kernel/failure.ts";
import type { Change } from "../model/change.ts";
import type { DeviceName } from "../model/inventory.ts";

/**
 * Why a confirmed change is not taken back: what it set was set anew since, by `later` (a confirmed change of ours of the same
 * value) or by someone else. `readings`: what its routers have now. With the three-way difference of each.
 */
export function refusedRollback(
  { id, plan }: Change,
  later: Change | undefined,
  readings: ReadonlyMap<DeviceName, Reading>,
): Failure {
  const changed = plan.steps.flatMap(({ device, basis, expected }) => {
    const now = readings.get(device)?.text;
    return now === undefined || now === expected ? [] : { device, diff: threeWayDiff(device, basis, expected, now) };
  });
  const where = changed.map(({ device }) => device).join(", ");
  const message = `what ${id} set on ${where} has been set anew since${later ? `, by ${later.id} or after it` : ""}; nothing was touched:`;
  const mend = later
    ? `pointsman rollback ${later.id} first, then pointsman rollback ${id}`
    : `see who changed ${where}; put back what ${id} made of it, then pointsman rollback ${id}, or undo by hand what it did`;
  return new Failure("DEVICE_CHANGED", [message, ...changed.map(({ diff }) => diff)].join("\n"), { mend });
}
