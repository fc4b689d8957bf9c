import type { Change } from "../model/change.ts";
import type { Displacement } from "../policy/reclaim.ts";

/**
 * Confirmed moves of a policy off `link` that nobody has given or taken back, oldest first. `changes` newest first: what
 * undoes something and was itself undone does not count.
 */
export function displacements(changes: readonly Change[], policy: string, link: string): Displacement[] {
  const undone = new Set<string>();
  const standing = changes.filter((change) => {
    if (change.state !== "confirmed" || undone.has(change.id)) return false;
    const { origin, decision } = change;
    if (origin.kind === "operator") undone.add(origin.undoes);
    else if (decision.intent.kind === "give-back") undone.add(decision.intent.changeId);
    return true;
  });
  return standing
    .filter(({ origin, policy: { name }, decision: { intent } }) => {
      return origin.kind === "policy" && name === policy && intent.link === link && intent.kind === "relieve";
    })
    .map((change) => ({ changeId: change.id, changes: change.decision.changes }))
    .reverse();
}
