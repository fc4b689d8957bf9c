import { bitsPerSecond, ratio } from "../../kernel/units.ts";
import type { FlowPath, FlowPrediction, Prediction } from "../../model/decision.ts";
import { linkNames } from "../../te/backbone.ts";
import { BackboneFailures, backboneLoads, newPaths } from "../../te/backbone-loads.ts";
import { exceeds } from "../../te/link-failure.ts";
import type { Route } from "../../te/segment-routing/segment-path.ts";
import { changesOf, type Move } from "./move.ts";
import type { Task } from "./task.ts";

/**
 * From the rates as measured: the links whose load changes, those over the target, and `about`; the flows that move, by name.
 * Backbone links have no price.
 */
export function predict(task: Task, moves: readonly Move[], about: readonly string[]): Prediction {
  const { backbone, judged, policy } = task;
  const changed = newPaths(changesOf(moves));
  const [before, after] = [backboneLoads(backbone), backboneLoads(backbone, changed)];
  const failures = judged === backbone ? task.failures : new BackboneFailures(backbone);
  const worst = failures.worst(changed);
  const links = backbone.links.flatMap(({ name, capacity }, edge) => {
    const [was, is] = [before[edge] as number, after[edge] as number];
    const concerned = exceeds(was, is) || exceeds(is, was) || about.includes(name);
    if (!concerned && !exceeds(is, policy.decide.target * capacity)) return [];
    const outlook = (load: number) => ({ utilisation: utilisation(load, capacity), costPerHour: 0 });
    const afterWorstFailure = utilisation(worst[edge] as number, capacity);
    return [{ link: name, before: outlook(was), after: outlook(is), afterWorstFailure }];
  });
  const flows = moves.map(({ flow: place, route }): FlowPrediction => {
    const { flow, rate, route: now } = backbone.flows[place] as (typeof backbone.flows)[number];
    const pathOf = (on: Route): FlowPath => ({ links: linkNames(backbone, on), delayMs: on.delay });
    return { flow: flow.name, rate: bitsPerSecond(rate), before: pathOf(now ?? route), after: pathOf(route) };
  });
  const moved = flows.reduce((sum, { rate }) => sum + rate, 0);
  const total = backbone.flows.reduce((sum, { rate }) => sum + rate, 0);
  return {
    links,
    flows: flows.sort((a, b) => (a.flow < b.flow ? -1 : 1)),
    costPerHour: { before: 0, after: 0, currency: "" },
    moved: bitsPerSecond(moved),
    movedShare: ratio(total === 0 ? 0 : moved / total),
  };
}

/** Sums that should be zero may come out a rounding below it. */
const utilisation = (load: number, capacity: number) => ratio(Math.max(0, load) / capacity);
