import type { NetworkState } from "../model/network-state.ts";
import { servedClass } from "../model/scope.ts";
import type { Objective } from "../model/service-class.ts";
import type { Measured } from "../model/signal.ts";
import { worstStress } from "../te/service-level/objective-reading.ts";
import type { Finding, VerifyInput } from "./input.ts";

/**
 * `class.stress` in `state`, of the objectives that were known right before the commit: one that was not says nothing of what
 * the change did. Undefined when one of those is not known in `state`, or none was known at all.
 */
export function stressOf(input: VerifyInput, state: NetworkState, name: string): Measured | undefined {
  const judged = objectivesOf(input, name).filter((objective) => recentOf(input.before, name, objective));
  return worstStress(judged.map((objective) => ({ objective, reading: readingOf(state, name, objective) })));
}

/** What of the class of the policy is not judged, for people. */
export function unjudgedObjectives(input: VerifyInput): Finding[] {
  const { scope } = input.policy;
  if (!("class" in scope)) return [];
  return objectivesOf(input, scope.class)
    .filter((objective) => !recentOf(input.before, scope.class, objective))
    .map(({ text }) => ({
      text: `${scope.class}: ${text} is not judged: it was not known before the change`,
      held: true,
    }));
}

const objectivesOf = ({ network }: VerifyInput, name: string): readonly Objective[] =>
  servedClass(network, name)?.service.objectives ?? [];

const readingOf = (state: NetworkState, name: string, { text }: Objective) =>
  state.classes.get(name)?.objectives.find(({ objective }) => objective === text);

const recentOf = (state: NetworkState, name: string, objective: Objective) => readingOf(state, name, objective)?.recent;
