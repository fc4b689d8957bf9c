import { formatMs, formatPercent, formatRate } from "../../kernel/units.ts";
import type { Alternative } from "../../model/decision.ts";
import { sharedWithLatency } from "../../te/backbone.ts";
import { backboneLoads, newPaths } from "../../te/backbone-loads.ts";
import { clearlyMore } from "../compare.ts";
import { changesOf, type Move, objection } from "./move.ts";
import { noPath, type Problem, type Search } from "./search.ts";
import type { Task } from "./task.ts";
import { describeMoves } from "./words.ts";

/** How many a person is shown, doing nothing included; and of other paths for what is moved. */
const [shown, otherPaths] = [5, 2];
/** How many of the heaviest flows are looked at for it. */
const considered = 16;

/** What else could be done and why it is not: other paths for what is moved, other flows, nothing. */
export function alternativesTo(
  problem: Problem,
  search: Search,
  chosen: readonly Move[],
  doNothing: string,
): Alternative[] {
  const { task, limit, movable } = problem;
  const sizeOf = (flow: number) => task.backbone.flows[flow]?.rate ?? 0;
  const heaviest = [...movable].sort((a, b) => sizeOf(b) - sizeOf(a) || a - b).slice(0, considered);

  const [first] = chosen;
  const paths = (first ? search.alone(first.flow) : [])
    .filter((other) => first && other.route.nodes.join() !== first.route.nodes.join())
    .slice(0, otherPaths)
    .map((other) => {
      const changes = changesOf(chosen.map((move) => (move === first ? other : move)));
      const why = objection(task, changes, limit) ?? (first ? whyLess(task, other, first) : "");
      return { summary: describeMoves(task, [other]), whyNot: why };
    });
  const flows = heaviest
    .filter((flow) => !chosen.some((move) => move.flow === flow))
    .map((flow) => {
      const [best] = search.alone(flow);
      if (!best) return { summary: `steer ${task.backbone.flows[flow]?.flow.name}`, whyNot: noPath(task, flow) };
      const whyNot = objection(task, changesOf([best]), limit) ?? whyWorse(task, best, chosen);
      return { summary: describeMoves(task, [best]), whyNot };
    });
  return [...paths, ...flows].slice(0, shown - 1).concat({ summary: "do nothing", whyNot: doNothing });
}

/** What makes another path of the same flow suit its class less than the one chosen. */
function whyLess(task: Task, other: Move, chosen: Move): string {
  const flow = task.backbone.flows[chosen.flow] as (typeof task.backbone.flows)[number];
  const sharing = (move: Move) => sharedWithLatency(task.backbone, flow.flow.name, move.route);
  const fullest = ({ change, route }: Move) => {
    const load = backboneLoads(task.backbone, newPaths([change]));
    return Math.max(...route.edges.map((edge) => (load[edge] as number) / (task.backbone.links[edge]?.capacity ?? 1)));
  };
  const reasons: string[] = [];
  const [shared, least] = [sharing(other), sharing(chosen)];
  if (clearlyMore(shared, least)) {
    reasons.push(
      `shares ${formatPercent(shared)} of its links with latency classes instead of ${formatPercent(least)}`,
    );
  }
  const longer = other.route.delay - chosen.route.delay;
  if (clearlyMore(longer, 0)) reasons.push(`takes ${formatMs(longer)} longer`);
  const [fuller, emptier] = [fullest(other), fullest(chosen)];
  if (clearlyMore(fuller, emptier)) {
    reasons.push(`its fullest link would be at ${formatPercent(fuller)} instead of ${formatPercent(emptier)}`);
  }
  return reasons.length === 0 ? `suits ${flow.class.name} no better` : reasons.join(", ");
}

/** What makes moving another flow worse than what is chosen. */
function whyWorse({ backbone }: Task, other: Move, chosen: readonly Move[]): string {
  if (chosen.length === 0) return "was not found before the search was cut short";
  const rate = ({ flow }: Move) => backbone.flows[flow]?.rate ?? 0;
  const [moves, least] = [rate(other), chosen.reduce((sum, move) => sum + rate(move), 0)];
  if (clearlyMore(moves, least)) return `moves ${formatRate(moves)}, ${formatRate(moves - least)} more than needed`;
  const longer = (move: Move) => move.route.delay - (backbone.flows[move.flow]?.route?.delay ?? 0);
  const extra = longer(other) - chosen.reduce((sum, move) => sum + longer(move), 0);
  if (clearlyMore(extra, 0)) return `does the same with ${formatMs(extra)} more delay`;
  if (other.change.from.length > 0) return "does the same, and changes an SR policy that is in use";
  return "does the same; the proposal comes first by name";
}
