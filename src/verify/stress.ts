import type { NetworkState } from "../model/network-state.ts";
import { serviceClasses } from "../model/scope.ts";
import type { Objective } from "../model/service-class.ts";
import type { Measured } from "../model/signal.ts";
import { objectiveStress } from "../te/service-level/objective-reading.ts";
import type { Finding, VerifyInput } from "./input.ts";

/**
 * `class.stress` in `state`, of the objectives that were known right before the commit: one that was not says nothing of what
 * the change did. Undefined when one of those is not known in `state`, or none was known at all.
 */
export function stressOf(input: VerifyInput, state: NetworkState, name: string): Measured | undefined {
  const judged = objectivesOf(input, name).filter((objective) => recentOf(input.before, name, objective));
  let worst: Measured | undefined;
  for (const objective of judged) {
    const reading = readingOf(state, name, objective);
    const stress = reading && objectiveStress(reading, objective);
    if (stress === undefined || !reading?.recent) return undefined;
    const { fromMs, toMs } = reading.recent;
    worst = {
      value: Math.max(stress, worst?.value ?? 0),
      fromMs: Math.min(fromMs, worst?.fromMs ?? fromMs),
      toMs: Math.min(toMs, worst?.toMs ?? toMs),
    };
  }
  return worst;
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
  serviceClasses(network).find((one) => one.name === name)?.service.objectives ?? [];

const readingOf = (state: NetworkState, name: string, { text }: Objective) =>
  state.classes.get(name)?.objectives.find(({ objective }) => objective === text);

const recentOf = (state: NetworkState, name: string, objective: Objective) => readingOf(state, name, objective)?.recent;
