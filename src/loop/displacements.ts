import type { Change } from "../model/change.ts";
import type { Displacement } from "../policy/reclaim.ts";
import { isSame, type Value } from "./values.ts";

/**
 * By confirmed change, the later confirmed one that took back (an operator's rollback) or gave back (a policy's) what it
 * did. What undoes something and was itself undone does not count. `changes` newest first.
 */
export function undoings(changes: readonly Change[]): ReadonlyMap<string, string> {
  const by = new Map<string, string>();
  for (const change of changes) {
    const earlier = undoes(change);
    if (change.state === "confirmed" && !by.has(change.id) && earlier !== undefined) by.set(earlier, change.id);
  }
  return by;
}

/** The latest confirmed change after `change` that set anew a value of it, and stands itself. `changes` newest first. */
export function laterOn(changes: readonly Change[], change: Change): Change | undefined {
  const undone = undoings(changes);
  const undoers = new Set(undone.values());
  return changes
    .slice(
      0,
      changes.findIndex(({ id }) => id === change.id),
    )
    .find((later) => {
      const stands = later.state === "confirmed" && !undone.has(later.id) && !undoers.has(later.id);
      return stands && valuesOf(later).some((value) => valuesOf(change).some((other) => isSame(value, other)));
    });
}

const valuesOf = ({ decision: { changes } }: Change): readonly Value[] => changes;

function undoes({ origin, decision: { intent } }: Change): string | undefined {
  if (origin.kind === "operator") return origin.undoes;
  return intent.kind === "give-back" ? intent.changeId : undefined;
}

/** Confirmed moves of a policy for `target` that nobody has given or taken back, oldest first. `changes` newest first. */
export function displacements(
  changes: readonly Change[],
  policy: string,
  target: string,
  nowMs: number,
): Displacement[] {
  const undone = undoings(changes);
  return changes
    .filter(({ id, state, origin, policy: { name }, decision: { intent } }) => {
      const standing = state === "confirmed" && !undone.has(id);
      return (
        standing && origin.kind === "policy" && name === policy && intent.target === target && intent.kind === "relieve"
      );
    })
    .map((change) => ({ changeId: change.id, changes: change.decision.changes, ...heldBy(change, nowMs) }))
    .reverse();
}

/**
 * A class that was asked to send less sends less: for so many holds, what it offered before is taken for what it wants. Then the
 * flood is believed to be over, and giving back will show it.
 */
const rememberedHolds = 3;

/** Who offered more than its ceiling, as it was measured for the decision. */
function heldBy({ decision, policy, times }: Change, nowMs: number): Pick<Displacement, "demands"> {
  if (decision.action !== "qos") return {};
  if (nowMs - (times.committedMs ?? nowMs) >= rememberedHolds * policy.holdMs) return { demands: [] };
  const { changes, predicted } = decision;
  const demands = (predicted.queues ?? []).flatMap(({ link, class: name, offered }) => {
    const share = changes.find((one) => one.link === link)?.to.find((one) => one.class === name);
    return share && offered > share.ceiling ? [{ link, class: name, offered }] : [];
  });
  return { demands };
}

/** When a policy's changes for `target`, other than `except`, began to reach routers, whatever became of them; a person's rollback does not count. */
export function touched(changes: readonly Change[], target: string, except?: string): number[] {
  return changes.flatMap(({ id, origin, decision, times }) => {
    const ours = origin.kind === "policy" && decision.intent.target === target && id !== except;
    return ours && times.pushStartedMs !== undefined ? [times.pushStartedMs] : [];
  });
}
