import { formatMs } from "../../kernel/units.ts";
import { type DecisionOutcome, type Intent, sameShares } from "../../model/decision.ts";
import { delayAfter, servedBy } from "../../te/class-queues.ts";
import { loses } from "./candidates.ts";
import { propose, type Requeue } from "./propose.ts";
import { nothing, type Task } from "./task.ts";
import { formatWait } from "./words.ts";

/**
 * Back to the queues that were there before an earlier change: only while routers still have what it left them, and only
 * when by the model no class would lose anything and the class that it was for would stay within what the policy calls clear.
 */
export function giveBack(task: Task, intent: Extract<Intent, { kind: "give-back" }>): DecisionOutcome {
  const { one, interfaces, limits, policy } = task;
  const keep = (why: string): DecisionOutcome => {
    return nothing(`${intent.changeId} is not given back: ${why}`, [
      { summary: `undo ${intent.changeId}`, whyNot: why },
    ]);
  };
  const requeues: Requeue[] = [];
  const waits: { before: number; after: number }[] = [];
  for (const { link, device, from, to } of intent.changes.filter((change) => change.action === "qos")) {
    const iface = interfaces.find((other) => other.link.name === link);
    if (!iface) return keep(`${link} is no link with qos in the inventory any more`);
    if (!sameShares(iface.shares, to))
      return keep(`${device} has other queues on ${link} now than ${intent.changeId} left`);
    const gone = from.find((share) => !iface.loads.some((load) => load.one.name === share.class));
    if (gone) return keep(`${gone.class}, which had a queue on ${link}, is no class any more`);
    const [before, after] = [servedBy(iface, to), servedBy(iface, from)];
    for (const [i, load] of iface.loads.entries()) {
      const service = after[i] as (typeof after)[number];
      if (service.full) return keep(`${load.one.name} would stand before a full queue on ${link}`);
      if (loses(load.offered - service.carried, load.offered))
        return keep(`${load.one.name} would lose packets on ${link}`);
      if (load.one.name !== one.name) continue;
      waits.push({ before: before[i]?.delayP99Ms ?? 0, after: service.delayP99Ms });
    }
    requeues.push({ iface, shares: from });
  }
  for (const limit of limits) {
    const [delay, most] = [delayAfter(limit, waits), limit.belowMs * policy.trigger.clear];
    if (delay > most)
      return keep(`${limit.signal} would be ${formatWait(delay)}, over the ${formatMs(most)} it must clear`);
  }
  const since = intent.evidence[0];
  const calm = since ? ` since ${new Date(since.atMs).toISOString()}` : "";
  const links = requeues.map(({ iface }) => iface.link.name).join(" and ");
  const reason = `${one.name} has been clear${calm}. ${links} can go back to the queues from before ${intent.changeId}: nobody loses anything by that.`;
  return propose(task, requeues, reason, [
    { summary: "leave the queues as they are", whyNot: `${one.name} does as well without them` },
  ]);
}
