import { formatMs, formatPercent } from "../../kernel/units.ts";
import type { SegmentRoutingChange } from "../../model/decision.ts";
import type { Link } from "../../model/inventory.ts";
import { inUse, routeInUse } from "../../te/backbone.ts";
import { backboneLoads, type NewPaths, newPaths, shareTakenOff } from "../../te/backbone-loads.ts";
import { exceeds } from "../../te/link-failure.ts";
import type { Route } from "../../te/segment-routing/segment-path.ts";
import type { Task } from "./task.ts";

/** One flow's SR policy changed, so that it takes `route`. `flow` is its place among those of the backbone. */
export type Move = Readonly<{ flow: number; route: Route; change: SegmentRoutingChange }>;

/** Of a flow's first SR policy; each new path goes one above the one before. */
const firstPreference = 100;

/** Puts a flow on a route: by a candidate path above the one in use, or without any where the IGP does the same. */
export function moveTo({ backbone }: Task, place: number, route: Route): Move {
  const of = backbone.flows[place] as (typeof backbone.flows)[number];
  const { flow, paths: from } = of;
  const segments = route.nodes.slice(1).map((node) => (backbone.graph.nodeNames as readonly string[])[node] as string);
  const kept = inUse(backbone, flow, from)?.path;
  const top = Math.max(firstPreference - 1, ...from.map(({ preference }) => preference));
  const above = { preference: top + 1, segments };
  const to = segments.length === 1 ? [] : [above, ...(kept ? [kept] : [])];
  const policy = { device: flow.headend, color: flow.color, endpoint: flow.endpoint };
  return { flow: place, route, change: { action: "segment-routing", ...policy, flow: flow.name, from, to } };
}

export const changesOf = (moves: readonly Move[]): SegmentRoutingChange[] =>
  moves.map(({ change }) => change).sort((a, b) => (a.flow < b.flow ? -1 : 1));

/** Bit/s by edge that the links may carry after a change: their target, or what they have where that is more. */
export function noFuller({ policy, judged, load }: Task): Float64Array {
  return Float64Array.from(judged.links, ({ capacity }, edge) => {
    return Math.max(policy.decide.target * capacity, load[edge] as number);
  });
}

/** The first thing that forbids these changes, with figures; `limit` as judged bit/s by edge. */
export function objection(
  task: Task,
  changes: readonly SegmentRoutingChange[],
  limit: Float64Array,
): string | undefined {
  const changed = newPaths(changes);
  return tooFull(task, changed, limit) ?? tooMuch(task, changed) ?? objectionBesideLoads(task, changes);
}

/** What of that holds for traffic that goes back as well. */
export function objectionBesideLoads(task: Task, changes: readonly SegmentRoutingChange[]): string | undefined {
  const { maxDevices } = task.policy.guard;
  const devices = new Set(changes.map(({ device }) => device)).size;
  if (devices > maxDevices) return `touches ${devices} devices; the policy allows ${maxDevices}`;
  return exposed(task, newPaths(changes));
}

export const percentOf = (load: number, { capacity }: Link) => formatPercent(load / capacity);

function tooFull(task: Task, changed: NewPaths, limit: Float64Array): string | undefined {
  const { judged, load, policy, backbone } = task;
  const after = backboneLoads(judged, changed);
  const plain = judged === backbone ? after : backboneLoads(backbone, changed);
  for (const [edge, link] of judged.links.entries()) {
    const [is, most] = [after[edge] as number, limit[edge] as number];
    if (!exceeds(is, most)) continue;
    const hidden = !exceeds(plain[edge] as number, most);
    const at = `${link.name} at ${percentOf(hidden ? is : (plain[edge] as number), link)}`;
    const allowance = hidden ? " with allowance for the demand that saturation hides" : "";
    const doing = exceeds(is, load[edge] as number) ? "would put" : "leaves";
    return `${doing} ${at}${allowance}, over the ${formatPercent(policy.decide.target)} target`;
  }
  return undefined;
}

function tooMuch({ policy, backbone }: Task, changed: NewPaths): string | undefined {
  const { maxTrafficMoved } = policy.guard;
  const off = shareTakenOff(backbone, changed);
  const edge = off.findIndex((share) => exceeds(share, maxTrafficMoved));
  if (edge < 0) return undefined;
  const most = formatPercent(maxTrafficMoved);
  const { name } = backbone.links[edge] as Link;
  return `takes ${formatPercent(off[edge] as number)} of what ${name} carries off it; the policy allows ${most} in one change`;
}

function exposed({ policy, failures }: Task, changed: NewPaths): string | undefined {
  if (!policy.guard.surviveAnyLinkFailure) return undefined;
  const harm = failures.harm(changed, policy.decide.target);
  if (!harm) return undefined;
  return `if ${harm.failed} fails, ${harm.link} would be at ${formatPercent(harm.after)} (${formatPercent(harm.before)} as it is)`;
}

/** "by r3 and r5 (8 ms)", "back to its IGP path (4 ms)". */
export function describeWay({ change, route }: Pick<Move, "change" | "route">): string {
  const [first] = change.to;
  const midpoints = first?.segments.slice(0, -1) ?? [];
  const way = midpoints.length === 0 ? "back to its IGP path" : `by ${midpoints.join(" and ")}`;
  return `${way} (${formatMs(route.delay)})`;
}

/** Where a change that was made elsewhere leads the flow. */
export function moveOf({ backbone }: Task, change: SegmentRoutingChange): Move | undefined {
  const flow = backbone.flows.findIndex(({ flow: { name } }) => name === change.flow);
  const of = backbone.flows[flow];
  const route = of && routeInUse(backbone, of.flow, change.to);
  return route && { flow, route, change };
}
