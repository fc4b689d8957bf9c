import { formatMs } from "../../kernel/units.ts";
import type { DecisionOutcome, Intent } from "../../model/decision.ts";
import { delayAfter, returnTo } from "../../te/class-queues.ts";
import { propose } from "./propose.ts";
import { nothing, type Task } from "./task.ts";
import { formatWait } from "./words.ts";

/**
 * Back to the queues that were there before an earlier change: only while routers still have what it left them, and only
 * when by the model no class would lose anything, were those held back to offer again what they did, and the class that it was for would stay within what the policy calls clear.
 */
export function giveBack(task: Task, intent: Extract<Intent, { kind: "give-back" }>): DecisionOutcome {
  const { one, interfaces, limits, policy } = task;
  const keep = (why: string): DecisionOutcome => {
    return nothing(`${intent.changeId} is not given back: ${why}`, [
      { summary: `undo ${intent.changeId}`, whyNot: why },
    ]);
  };
  const changes = [...intent.changes].filter((change) => change.action === "qos");
  const found = returnTo(one, interfaces, changes, intent.demands);
  if ("barred" in found) return keep(found.barred);
  if ("overload" in found) return keep(found.overload);
  const { requeues, waits } = found;
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
