import type { Change } from "../model/change.ts";
import type { Displacement } from "../policy/reclaim.ts";

/** Confirmed moves of a policy off `link` that nobody has given or taken back yet, oldest first. `changes` newest first. */
export function displacements(changes: readonly Change[], policy: string, link: string): Displacement[] {
  const confirmed = changes.filter((change) => change.state === "confirmed");
  const undone = new Set(
    confirmed.flatMap(({ origin, decision: { intent } }) => {
      if (origin.kind === "operator") return [origin.undoes];
      return intent.kind === "give-back" ? [intent.changeId] : [];
    }),
  );
  return confirmed
    .filter(({ id, origin, policy: { name }, decision: { intent } }) => {
      const ours = origin.kind === "policy" && name === policy && intent.link === link;
      return ours && intent.kind === "relieve" && !undone.has(id);
    })
    .map((change) => ({ changeId: change.id, changes: change.decision.changes }))
    .reverse();
}
