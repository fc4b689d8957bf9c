import {
  type DecisionOutcome,
  type Intent,
  type SegmentRoutingChange,
  samePath,
  samePaths,
} from "../../model/decision.ts";
import { backboneLoads, newPaths } from "../../te/backbone-loads.ts";
import { brokenObjective } from "../../te/class-objective.ts";
import { exceeds } from "../../te/link-failure.ts";
import { clearLoad } from "../../te/link-limits.ts";
import { changesOf, type Move, moveOf, objectionBesideLoads, percentOf } from "./move.ts";
import { nothing, propose } from "./propose.ts";
import type { Task } from "./task.ts";

/**
 * Undoes an earlier change: what its headends had before. Only while they still have what it left them, and only when
 * every link that gets traffic back ends at or below what the policy calls clear.
 */
export function giveBack(intent: Extract<Intent, { kind: "give-back" }>, task: Task): DecisionOutcome {
  const { backbone, judged, load, policy } = task;
  const made = intent.changes.filter((change) => change.action === "segment-routing");
  const keep = (why: string): DecisionOutcome => {
    return nothing(`${intent.changeId} is not given back: ${why}`, [
      { summary: `undo ${intent.changeId}`, whyNot: why },
    ]);
  };
  const moves: Move[] = [];
  for (const change of made) {
    const { flow, device, from, to } = change;
    const now = backbone.flows.find((one) => one.flow.name === flow);
    if (!now) return keep(`${flow} is no flow of the inventory any more`);
    if (!samePaths(now.paths, to))
      return keep(`${device} has other paths for ${flow} now than ${intent.changeId} left`);
    // Of what was there before, what still is: the path that was in use, if there was one.
    const left = from.filter((path) => now.paths.some((other) => samePath(path, other)));
    if (samePaths(left, now.paths)) return keep(`the path that ${flow} had before does not stand any more`);
    const back: SegmentRoutingChange = { ...change, from: now.paths, to: left };
    const move = moveOf(task, back);
    if (!move) return keep(`${flow} would have no path`);
    const drained = move.route.edges.find((edge) => task.avoid[edge] === 1);
    if (drained !== undefined) return keep(`${flow} would go by ${backbone.links[drained]?.name}, which is drained`);
    moves.push(move);
  }
  const changed = newPaths(changesOf(moves));
  const after = backboneLoads(judged, changed);
  for (const [edge, link] of judged.links.entries()) {
    const [was, is] = [load[edge] as number, after[edge] as number];
    if (!exceeds(is, was) || !exceeds(is, clearLoad(policy, link))) continue;
    return keep(
      `${link.name} would go to ${percentOf(is, link)}, over the ${percentOf(clearLoad(policy, link), link)} it must clear`,
    );
  }
  const against = broken(task, moves) ?? objectionBesideLoads(task, changesOf(moves));
  if (against) return keep(against);

  const since = intent.evidence[0];
  const calm = since ? ` since ${new Date(since.atMs).toISOString()}` : "";
  const about = judged.links.flatMap((link, edge) =>
    exceeds(load[edge] as number, after[edge] as number) ? [link.name] : [],
  );
  return propose(task, intent, {
    situation: `${intent.target} has been clear${calm}.`,
    moves,
    about: [...about, intent.target],
    alternatives: [{ summary: "leave the traffic where it is", whyNot: `${intent.target} has room for it again` }],
  });
}

/** What a flow would no longer have on its old path: its class's objective. */
function broken({ backbone, policy }: Task, moves: readonly Move[]): string | undefined {
  for (const { flow: place, route } of moves) {
    const of = backbone.flows[place] as (typeof backbone.flows)[number];
    const why = brokenObjective(backbone, of, route, policy.decide.maxSegments);
    if (why) return `${of.flow.name} would have ${why}`;
  }
  return undefined;
}
