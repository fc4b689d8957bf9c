import type { Change } from "../model/change.ts";
import type { Ledger, Patch } from "./ledger.ts";

/** Tells every change that a predecessor left under way that it is gone; the ids of those to be finished or undone, oldest first. */
export async function recover(ledger: Ledger): Promise<readonly string[]> {
  const found = ledger.open().filter(({ state }) => state !== "awaiting-approval" && state !== "stuck");
  for (const change of found.toReversed()) {
    await ledger.advance(change.id, "recovered", "pointsman", cutShort(change));
  }
  return found.map(({ id }) => id).reverse();
}

/** Why a change that a restart found under way went no further, unless that is known already. */
function cutShort({ state, origin, outcome }: Change): Patch {
  if (state === "confirming" || outcome) return {};
  const message = `the controller stopped while it was ${state}`;
  // An operator's rollback is the operator's to try again: the change that it was to undo stands.
  const mend = origin.kind === "operator" ? { mend: `pointsman rollback ${origin.undoes}` } : {};
  return { outcome: { code: "STOPPED", message, ...mend } };
}
