import type { Alternative, DecisionOutcome, Intent } from "../../model/decision.ts";
import { changesOf, type Move } from "./move.ts";
import { predict } from "./predict.ts";
import type { Task } from "./task.ts";
import { describeChange, stillOver } from "./words.ts";

type Proposal = Readonly<{
  /** What is wrong, with figures; a sentence. */
  situation: string;
  moves: readonly Move[];
  /** The links that it is for, by name. */
  about: readonly string[];
  /** What else to know; sentences. */
  remarks?: readonly string[];
  alternatives: readonly Alternative[];
}>;

export function propose(task: Task, intent: Intent, proposal: Proposal): DecisionOutcome {
  const { situation, moves, about, remarks = [], alternatives } = proposal;
  const predicted = predict(task, moves, about);
  const sentences = [situation, describeChange(task, moves, predicted, about), ...remarks];
  const reason = sentences.join(" ") + stillOver(predicted.links, about, task.policy.decide.target);
  const changes = changesOf(moves);
  return { kind: "change", decision: { action: "segment-routing", intent, changes, reason, predicted, alternatives } };
}

export const nothing = (reason: string, alternatives: readonly Alternative[] = []): DecisionOutcome => ({
  kind: "nothing-helps",
  reason,
  alternatives,
});

export const cutShort = "The search was cut short, so a smaller change may exist.";

/** Can an SR policy of its own lead it elsewhere? A sentence's part on why not. */
export function immovable({ backbone }: Task, place: number): string | undefined {
  const { flow, route } = backbone.flows[place] as (typeof backbone.flows)[number];
  if (!route) return `${flow.name} has no path at all`;
  const end = backbone.nodeOf.get(flow.endpoint);
  if (end === undefined || backbone.hasSegment[end] !== 1)
    return `${flow.endpoint} has no segment for ${flow.name} to end at`;
  return undefined;
}

/** The places of the flows that use one of these edges, even with a part of their traffic. */
export function crossing({ backbone }: Task, edges: ReadonlySet<number>): number[] {
  return [...backbone.flows.keys()].filter((flow) =>
    backbone.flows[flow]?.route?.edges.some((edge) => edges.has(edge)),
  );
}
