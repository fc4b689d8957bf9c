import { formatMs, formatPercent } from "../../kernel/units.ts";
import type { DecisionOutcome, Intent } from "../../model/decision.ts";
import type { Link } from "../../model/inventory.ts";
import type { NetworkState } from "../../model/network-state.ts";
import { formatSignal } from "../../model/signal.ts";
import { backboneLoads } from "../../te/backbone-loads.ts";
import { exceeds } from "../../te/link-failure.ts";
import type { Candidate } from "../../te/segment-routing/class-paths.ts";
import { listed } from "../listed.ts";
import { alternativesTo } from "./alternatives.ts";
import { noFuller, percentOf } from "./move.ts";
import { cutShort, immovable, nothing, propose } from "./propose.ts";
import { emptying, noSet } from "./relieve-links.ts";
import { Search } from "./search.ts";
import { segmentsOf, type Task } from "./task.ts";

/**
 * Mends what makes a flow's path slow: queues on links over the target, and a propagation delay over its class's maximum.
 * Other classes give way first; where that is not enough, or its own path is too long, the flow itself goes to a path
 * that meets its class's objective and has no link over the target.
 */
export function mendLatency(intent: Intent, task: Task, state: NetworkState): DecisionOutcome {
  const { backbone, policy, load } = task;
  const place = backbone.flows.findIndex(({ flow }) => flow.name === intent.target);
  const { class: itsClass, route } = backbone.flows[place] as (typeof backbone.flows)[number];
  const stuck = immovable(task, place);
  if (!route) return nothing(`${stuck}`);
  const target = policy.decide.target;
  const over = [...route.edges].filter((edge) => exceeds(load[edge] as number, target * linkAt(task, edge).capacity));
  const { maxDelayMs = Number.POSITIVE_INFINITY } = itsClass;
  const tooLong = route.delay > maxDelayMs + 1e-9;
  const value = state.signals.get(intent.signal)?.get(intent.target)?.value ?? intent.evidence.at(-1)?.value;
  const measured = value === undefined ? "" : `is at ${formatSignal(intent.signal, value)}, `;
  const slow = `${intent.target} ${measured}over ${formatSignal(intent.signal, intent.threshold)}`;
  const causes = [
    ...(tooLong
      ? [`its path alone takes ${formatMs(route.delay)} of the ${formatMs(maxDelayMs)} of ${itsClass.name}`]
      : []),
    ...(over.length > 0 ? [`its path has ${fullness(task, over)}, over the ${formatPercent(target)} target`] : []),
  ];
  if (causes.length === 0) {
    const path = `its path takes ${formatMs(route.delay)} and has no link over the ${formatPercent(target)} target`;
    return nothing(`${slow}, but ${path}: no other path would make it faster`);
  }
  const situation = `${slow}: ${causes.join(", and ")}.`;
  const about = over.map((edge) => linkAt(task, edge).name);
  const unchanged = `${intent.target} stays slow: ${causes.join(", and ")}`;

  const giveWay = emptying(task, over, (flow) => flow !== place && backbone.flows[flow]?.class.prefers !== "latency");
  if (!tooLong && giveWay.movable.length > 0) {
    const search = new Search(giveWay);
    const { moves, proven } = search.smallest();
    if (moves) {
      const alternatives = alternativesTo(giveWay, search, moves, unchanged);
      return propose(task, intent, { situation, moves, about, remarks: proven ? [] : [cutShort], alternatives });
    }
  }
  const within = target + 1e-9;
  const itself = {
    task,
    limit: noFuller(task),
    movable: stuck ? [] : [place],
    serving: (all: readonly Candidate[]) => all.filter(({ fullest }) => fullest <= within),
  };
  const search = new Search(itself);
  const { moves } = search.smallest();
  const alternatives = alternativesTo(itself, search, moves ?? [], unchanged);
  if (moves) return propose(task, intent, { situation, moves, about, alternatives });
  const others = tooLong || giveWay.movable.length === 0 ? "" : `; ${noSet(task, giveWay, over, false)}`;
  const own = `no other path of at most ${segmentsOf(task)} segments meets what ${itsClass.name} asks with all its links under the target`;
  return nothing(`${situation.slice(0, -1)}; ${stuck ?? own}${others}`, alternatives);
}

const linkAt = ({ backbone }: Task, edge: number) => backbone.links[edge] as Link;

function fullness(task: Task, edges: readonly number[]): string {
  const load = backboneLoads(task.backbone);
  return listed(
    edges.map((edge) => `${linkAt(task, edge).name} at ${percentOf(load[edge] as number, linkAt(task, edge))}`),
  );
}
