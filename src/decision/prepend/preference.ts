import { clearlyMore } from "../compare.ts";
import { nameOf, type Outcome, objectiveOf, type Problem } from "./problem.ts";

/**
 * Fewest changed announcements, then by objective, then least traffic moved, then fewest announcements lowered, then
 * fewest prepends changed, then by name: no two sets are equal, and the order they were found in does not matter.
 */
export function isBetter(problem: Problem, a: Outcome, b: Outcome): boolean {
  if (a.count !== b.count) return a.count < b.count;
  const [left, right] = [objectiveOf(problem, a.cost, a.loads), objectiveOf(problem, b.cost, b.loads)];
  if (clearlyMore(left, right) || clearlyMore(right, left)) return left < right;
  if (clearlyMore(a.moved, b.moved) || clearlyMore(b.moved, a.moved)) return a.moved < b.moved;
  if (a.lowered !== b.lowered) return a.lowered < b.lowered;
  if (a.size !== b.size) return a.size < b.size;
  return a.chosen.map(nameOf).join() < b.chosen.map(nameOf).join();
}
