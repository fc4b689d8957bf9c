import { formatPercent } from "../../kernel/units.ts";
import type { DecisionOutcome, Intent } from "../../model/decision.ts";
import { linkNames, sharedWithLatency } from "../../te/backbone.ts";
import type { Candidate } from "../../te/segment-routing/class-paths.ts";
import { alternativesTo } from "./alternatives.ts";
import { noFuller } from "./move.ts";
import { immovable, nothing, propose } from "./propose.ts";
import { Search } from "./search.ts";
import { segmentsOf, type Task } from "./task.ts";

/**
 * Leads a flow where it shares no link with latency classes, or where the graph does not allow that, the fewest: not more
 * than what fired the policy, which would only fire again.
 */
export function isolate(intent: Intent, task: Task): DecisionOutcome {
  const { backbone } = task;
  const place = backbone.flows.findIndex(({ flow }) => flow.name === intent.target);
  const { route } = backbone.flows[place] as (typeof backbone.flows)[number];
  const stuck = immovable(task, place);
  if (!route || stuck) return nothing(`${stuck}`);
  const shared = sharedWithLatency(backbone, intent.target, route);
  const sharing = `${intent.target} shares ${formatPercent(shared)} of the links of its path with latency classes`;
  if (shared === 0) return nothing(`${sharing}: it is apart already`);
  const allowed = Math.max(0, Math.min(intent.threshold, shared - 1e-9));
  const problem = {
    task,
    limit: noFuller(task),
    movable: [place],
    serving: (all: readonly Candidate[]) =>
      all.filter((one) => one.shared <= allowed).sort((a, b) => a.shared - b.shared),
  };
  const search = new Search(problem);
  const { moves } = search.smallest();
  const alternatives = alternativesTo(problem, search, moves ?? [], `${sharing}, and goes on doing so`);
  if (!moves) {
    const ways = `no path of at most ${segmentsOf(task)} segments`;
    return nothing(
      `${sharing}; ${ways} that is apart from them holds its class's objective and every limit`,
      alternatives,
    );
  }
  const [move] = moves;
  const left = move ? sharedWithLatency(backbone, intent.target, move.route) : 0;
  const remark =
    left === 0
      ? "It then shares none."
      : `It then shares ${formatPercent(left)}, the least that any of its paths does.`;
  return propose(task, intent, {
    situation: `${sharing}, over ${formatPercent(intent.threshold)}.`,
    moves,
    about: linkNames(backbone, route),
    remarks: [remark],
    alternatives,
  });
}
