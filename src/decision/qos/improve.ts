import { formatRate } from "../../kernel/units.ts";
import type { Alternative, DecisionOutcome } from "../../model/decision.ts";
import { capitalised } from "../capitalised.ts";
import { listed } from "../listed.ts";
import { type Candidate, candidatesOf, type Outlook, outlook, type Unchanged } from "./candidates.ts";
import { propose } from "./propose.ts";
import { nothing, type Task } from "./task.ts";
import { noQueueHelps, takesFromOthers } from "./too-much.ts";
import { describeCandidates, describeHeld, formatWait } from "./words.ts";

/**
 * Queues on the fewest interfaces after which the class loses nothing more and its path's delay is within what it may be, as
 * far as the model tells. The worst come first, so the first so many are the best of that number.
 */
export function improve(task: Task): DecisionOutcome {
  const { one, policy, limits } = task;
  const { candidates, unchanged } = candidatesOf(task);
  const following = (count: number) =>
    outlook(task, candidates.slice(0, count), [...candidates.slice(count), ...unchanged]);
  const counts = candidates.map((_, i) => i + 1);
  const fewest = counts.find((count) => following(count).holds);
  if (fewest === undefined) {
    const doNothing = { summary: "do nothing", whyNot: situation(task) };
    const barred = fullest(unchanged.filter(({ tooMuch }) => tooMuch));
    if (barred?.tooMuch) return nothing(noQueueHelps(task, barred.iface, barred.tooMuch), [doNothing]);
    const unfair = fullest(unchanged.filter(({ robbed }) => robbed));
    if (unfair?.robbed) return nothing(takesFromOthers(task, unfair.iface, unfair.robbed), [doNothing]);
    if (candidates.length === 0) {
      return nothing(
        `${one.name} does not stand in line on any interface whose queues may be set, or has what they can give`,
        [doNothing],
      );
    }
    const all = unmet(task, following(candidates.length));
    return nothing(`even with queues for it on ${linksOf(candidates)}, ${one.name} would have ${all}`, [doNothing]);
  }
  const most = policy.decide.maxInterfaces;
  if (fewest > most) {
    const needed = candidates.slice(0, fewest);
    const reason = `${one.name} needs queues on ${fewest} interfaces, ${linksOf(needed)}; the policy allows ${most} in one change`;
    const fewer = { summary: `queues on ${linksOf(needed.slice(0, most))}`, whyNot: `${unmet(task, following(most))}` };
    return nothing(reason, [fewer, { summary: "do nothing", whyNot: situation(task) }]);
  }
  const chosen = candidates.slice(0, fewest);
  const after = following(fewest);
  const alternatives = [
    ...fewer(task, chosen, following),
    ...more(task, candidates.slice(fewest), after, limits.length > 0),
    ...admission(task, chosen),
    policing(task, chosen),
    { summary: "do nothing", whyNot: situation(task) },
  ];
  const reason = `${sentence(situation(task))} ${describeCandidates(task, chosen)}${delays(task, after)}`;
  return propose(
    task,
    chosen.map(({ iface, plan }) => ({ iface, shares: plan.shares })),
    reason,
    alternatives,
  );
}

/** The one that is asked for most of its capacity. */
const fullest = (interfaces: readonly Unchanged[]): Unchanged | undefined => {
  const asked = ({ iface: { link, loads } }: Unchanged) =>
    loads.reduce((sum, { offered }) => sum + offered, 0) / link.capacity;
  return interfaces.toSorted((a, b) => asked(b) - asked(a))[0];
};

const linksOf = (candidates: readonly (Candidate | Unchanged)[]) =>
  listed(candidates.map(({ iface }) => iface.link.name));

const situation = ({ attribution, one }: Task) => attribution?.reason ?? `${one.name} is at risk`;
const sentence = (text: string) => `${capitalised(text)}.`;

/** What is still wrong, with figures. */
function unmet({ limits, one }: Task, { delaysMs, losing }: Outlook): string {
  const slow = limits.flatMap(({ signal, belowMs }, i) => {
    const delay = delaysMs[i] as number;
    return delay < belowMs ? [] : [`${signal} at ${formatWait(delay)}, not below ${formatWait(belowMs)}`];
  });
  const lossy = losing.length === 0 ? [] : [`${one.name} losing packets on ${listed(losing)}`];
  return listed([...slow, ...lossy]);
}

function delays({ limits }: Task, { delaysMs }: Outlook): string {
  const each = limits.map(({ signal, nowMs, belowMs }, i) => {
    const was = Number.isFinite(nowMs) ? `from ${formatWait(nowMs)} ` : "";
    return `${signal} goes ${was}to ${formatWait(delaysMs[i] as number)}, and must be below ${formatWait(belowMs)}`;
  });
  return each.length === 0 ? "" : ` By the model ${each.join("; ")}.`;
}

function fewer(task: Task, chosen: readonly Candidate[], outlookOf: (count: number) => Outlook): Alternative[] {
  if (chosen.length < 2) return [];
  const left = chosen.slice(0, -1);
  return [{ summary: `queues on ${linksOf(left)} only`, whyNot: unmet(task, outlookOf(left.length)) }];
}

/** How many other interfaces a person is shown. */
const shown = 2;

function more({ one }: Task, others: readonly Candidate[], after: Outlook, limited: boolean): Alternative[] {
  const enough = limited ? `is ${formatWait(Math.max(...after.delaysMs))} without` : "loses nothing without";
  return others.slice(0, shown).map(({ iface, wait }) => ({
    summary: `queues on ${iface.link.name} as well`,
    whyNot: `not needed: ${one.name} waits ${formatWait(wait.before)} there, and ${limited ? "its path " : ""}${enough}`,
  }));
}

/** Why nobody else is held back, and nobody fewer. */
function admission({ one }: Task, chosen: readonly Candidate[]): Alternative[] {
  const { sheds } = one.service;
  return chosen.flatMap(({ iface, plan }): Alternative[] => {
    const at = iface.link.name;
    const next = sheds.find((name) => !plan.held.some((held) => held.class === name));
    const nobodyElse = next
      ? [{ summary: `hold ${next} back on ${at}`, whyNot: "not needed: all that must get through does without" }]
      : [];
    const last = plan.held.at(-1);
    if (!last) return nobodyElse;
    const without = plan.held.slice(0, -1);
    const summary = without.length === 0 ? `hold nobody back on ${at}` : `hold only ${describeHeld(without)} on ${at}`;
    const whyNot = `the rest of the line does not carry the ${formatRate(last.offered)} of ${last.class}: it would drop in its queue, and nobody would be told to send less`;
    return [{ summary, whyNot }, ...nobodyElse];
  });
}

function policing({ one }: Task, chosen: readonly Candidate[]): Alternative {
  const links = linksOf(chosen);
  return {
    summary: `police the classes after ${one.name} on ${links}, without queues`,
    whyNot: `what passes would still stand in one line with ${one.name}, and what ${one.name} does not use would go unused`,
  };
}
