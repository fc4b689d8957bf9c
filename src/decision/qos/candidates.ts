import { sameShares } from "../../model/decision.ts";
import { type ClassLoad, delayAfter, loses, type QosInterface, robbed, servedBy } from "../../te/class-queues.ts";
import type { QueueService } from "../../te/queueing.ts";
import { clearlyMore } from "../compare.ts";
import { type Plan, planShares, type TooMuch } from "./shares.ts";
import type { Task } from "./task.ts";

/** Other queues on one interface, and what every class has of it before and after, in the order of its loads. */
export type Candidate = Readonly<{
  iface: QosInterface;
  plan: Plan;
  before: readonly QueueService[];
  after: readonly QueueService[];
  /** Of the class that it is for: bit/s there, its wait in ms, and what it loses. */
  offered: number;
  wait: Readonly<{ before: number; after: number }>;
  lost: Readonly<{ before: number; after: number }>;
}>;

/** An interface on which the class goes on as it is: it does not stand in line there, or has what queues can give, or queues do not help. */
export type Unchanged = Readonly<{
  iface: QosInterface;
  offered: number;
  waitMs: number;
  lost: number;
  tooMuch?: TooMuch;
  /** Queues would help, and take from these what they carry, which may not be held back for the class. */
  robbed?: readonly ClassLoad[];
}>;

/** Where other queues serve the class better, worst first; and where not. */
export function candidatesOf(task: Task): Readonly<{ candidates: Candidate[]; unchanged: Unchanged[] }> {
  const candidates: Candidate[] = [];
  const unchanged: Unchanged[] = [];
  for (const iface of task.interfaces) {
    const place = iface.loads.findIndex(({ one }) => one.name === task.one.name);
    const offered = iface.loads[place]?.offered ?? 0;
    const before = servedBy(iface, iface.shares);
    const [waitMs, lost] = [before[place]?.delayP99Ms ?? 0, lostOf(offered, before[place])];
    // Who sends nothing there does not stand in line, whatever the line.
    if (offered === 0) {
      unchanged.push({ iface, offered, waitMs: 0, lost: 0 });
      continue;
    }
    const plan = planShares(task.one, iface, task.policy.decide.target);
    if ("because" in plan) {
      unchanged.push({ iface, offered, waitMs, lost, tooMuch: plan });
      continue;
    }
    const after = servedBy(iface, plan.shares);
    const wait = { before: waitMs, after: after[place]?.delayP99Ms ?? 0 };
    const losses = { before: lost, after: lostOf(offered, after[place]) };
    const victims = robbed(task.one, iface, after);
    const better =
      (wait.after < wait.before && wait.before === Number.POSITIVE_INFINITY) ||
      clearlyMore(wait.before, wait.after) ||
      clearlyMore(losses.before, losses.after);
    if (!better || sameShares(plan.shares, iface.shares)) unchanged.push({ iface, offered, waitMs, lost });
    else if (victims.length > 0) unchanged.push({ iface, offered, waitMs, lost, robbed: victims });
    else candidates.push({ iface, plan, before, after, offered, wait, lost: losses });
  }
  const byNeed = (a: Candidate, b: Candidate) => Number(isNeeded(task, b)) - Number(isNeeded(task, a));
  candidates.sort((a, b) => byNeed(a, b) || gain(b) - gain(a) || (a.iface.link.name < b.iface.link.name ? -1 : 1));
  return { candidates, unchanged };
}

const lostOf = (offered: number, service: QueueService | undefined) => Math.max(0, offered - (service?.carried ?? 0));
const gain = ({ wait }: Candidate) => wait.before - wait.after;
/** Without it nothing holds: the class loses there, or waits longer at that one place than it may on its whole path. */
function isNeeded({ limits }: Task, { lost, offered, wait }: Candidate): boolean {
  return loses(lost.before, offered) || limits.some(({ belowMs }) => wait.before >= belowMs);
}

export type Outlook = Readonly<{
  /** What the path's delay comes to, limit by limit, in their order. */
  delaysMs: readonly number[];
  /** Links on which the class goes on losing. */
  losing: readonly string[];
  holds: boolean;
}>;

/** What comes of changing these candidates and leaving all else as it is. */
export function outlook(
  { limits }: Pick<Task, "limits">,
  chosen: readonly Candidate[],
  others: readonly (Candidate | Unchanged)[],
): Outlook {
  const left = others.map((other) => {
    if ("waitMs" in other) return other;
    const { iface, offered, wait, lost } = other;
    return { iface, offered, waitMs: wait.before, lost: lost.before };
  });
  const waits = [...chosen.map(({ wait }) => wait), ...left.map(({ waitMs }) => ({ before: waitMs, after: waitMs }))];
  const delaysMs = limits.map((limit) => delayAfter(limit, waits));
  const losing = [
    ...chosen.filter(({ lost, offered }) => loses(lost.after, offered)),
    ...left.filter(({ lost, offered }) => loses(lost, offered)),
  ].map(({ iface }) => iface.link.name);
  const holds = losing.length === 0 && limits.every(({ belowMs }, i) => (delaysMs[i] as number) < belowMs);
  return { delaysMs, losing, holds };
}
