import type { PrependChange } from "../../model/decision.ts";

/**
 * Lowered announcements first, as devices are changed in this order. Half-way through, traffic is then only where it
 * was or where it is to go; raised first, it could enter by a third link that is better than either for that while.
 */
export function lowerFirst(changes: readonly PrependChange[]): PrependChange[] {
  const raised = ({ from, to }: PrependChange) => Number(to > from);
  return changes.toSorted((x, y) => raised(x) - raised(y));
}
