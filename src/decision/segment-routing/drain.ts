import { formatRate } from "../../kernel/units.ts";
import type { Alternative, DecisionOutcome, Intent } from "../../model/decision.ts";
import type { Network } from "../../model/inventory.ts";
import { drainedEdges } from "../../te/backbone.ts";
import { listed } from "../listed.ts";
import { noFuller } from "./move.ts";
import { crossing, immovable, nothing, propose } from "./propose.ts";
import { Search } from "./search.ts";
import type { Task } from "./task.ts";

/**
 * Leads every flow around a link or router. What the policy's limits leave for a later change, and what cannot move at all
 * as it starts or ends there, is named; so is what no flow explains, which only the IGP's metrics move.
 */
export function drain(intent: Intent, task: Task, network: Network): DecisionOutcome {
  const { backbone } = task;
  const drained = drainedEdges(network, backbone, [intent.target]);
  const edges = new Set([...backbone.links.keys()].filter((edge) => drained[edge]));
  const on = crossing(task, edges);
  const staying = new Map<number, string>();
  for (const flow of on) {
    const ends = [backbone.flows[flow]?.flow.headend, backbone.flows[flow]?.flow.endpoint];
    const why = ends.includes(intent.target)
      ? "traffic cannot leave the router where it starts or ends"
      : immovable(task, flow);
    if (why) staying.set(flow, why);
  }
  const movable = on.filter((flow) => !staying.has(flow));
  const rest = unexplained(task, edges);
  const { moves, stuck } = new Search({ task, limit: noFuller(task), movable }).each(movable);
  for (const [flow, why] of stuck) staying.set(flow, why);

  const alternatives = [...staying].slice(0, 4).map(([flow, whyNot]): Alternative => {
    return { summary: `steer ${nameOf(task, flow)} around ${intent.target}`, whyNot };
  });
  const carries = `${intent.target} is to be drained, and ${on.length === 0 ? "no flow crosses it" : crossed(task, on)}`;
  const stay = remaining(task, staying);
  if (moves.length === 0) return nothing([`${carries}.`, ...stay, ...rest].join(" "), alternatives);
  const about = [...edges].map((edge) => backbone.links[edge]?.name ?? "");
  const done = staying.size === 0 ? [`No flow crosses ${intent.target} any more.`] : stay;
  const doNothing = { summary: "do nothing", whyNot: `${crossed(task, on)} when ${intent.target} goes down` };
  return propose(task, intent, {
    situation: `${carries}.`,
    moves,
    about,
    remarks: [...done, ...rest],
    alternatives: [...alternatives, doNothing],
  });
}

const nameOf = ({ backbone }: Task, flow: number) => backbone.flows[flow]?.flow.name ?? "";

/** "a and b stay: …": a sentence for each reason. */
function remaining(task: Task, staying: ReadonlyMap<number, string>): string[] {
  const byReason = new Map<string, string[]>();
  for (const [flow, why] of staying) byReason.set(why, [...(byReason.get(why) ?? []), nameOf(task, flow)]);
  return [...byReason].map(([why, names]) => `${listed(names)} ${names.length === 1 ? "stays" : "stay"}: ${why}.`);
}

function crossed({ backbone }: Task, flows: readonly number[]): string {
  const rate = flows.reduce((sum, flow) => sum + (backbone.flows[flow]?.rate ?? 0), 0);
  return `${flows.length} ${flows.length === 1 ? "flow crosses" : "flows cross"} it with ${formatRate(rate)}`;
}

/** Counters and flow rates are not of the same moment: less than this share of a link is their difference and no traffic. */
const noise = 0.02;

function unexplained({ backbone }: Task, edges: ReadonlySet<number>): string[] {
  const left = [...edges].flatMap((edge) => {
    const [link, rate] = [backbone.links[edge], backbone.background[edge] as number];
    return link && rate > noise * link.capacity ? [`${formatRate(rate)} on ${link.name}`] : [];
  });
  return left.length === 0 ? [] : [`${listed(left)} belong to no flow and stay: raise the IGP metric to move them.`];
}
