import type { Change } from "../model/change.ts";
import type { Displacement } from "../policy/reclaim.ts";

/** The confirmed change that took back (an operator's rollback) or gave back (a policy's) what `id` did. */
export function undoneBy(changes: readonly Change[], id: string): string | undefined {
  return changes.find((change) => change.state === "confirmed" && undoes(change) === id)?.id;
}

function undoes({ origin, decision: { intent } }: Change): string | undefined {
  if (origin.kind === "operator") return origin.undoes;
  return intent.kind === "give-back" ? intent.changeId : undefined;
}

/**
 * Confirmed moves of a policy off `link` that nobody has given or taken back, oldest first. `changes` newest first: what
 * undoes something and was itself undone does not count.
 */
export function displacements(changes: readonly Change[], policy: string, link: string): Displacement[] {
  const undone = new Set<string>();
  const standing = changes.filter((change) => {
    if (change.state !== "confirmed" || undone.has(change.id)) return false;
    const earlier = undoes(change);
    if (earlier !== undefined) undone.add(earlier);
    return true;
  });
  return standing
    .filter(({ origin, policy: { name }, decision: { intent } }) => {
      return origin.kind === "policy" && name === policy && intent.link === link && intent.kind === "relieve";
    })
    .map((change) => ({ changeId: change.id, changes: change.decision.changes }))
    .reverse();
}
