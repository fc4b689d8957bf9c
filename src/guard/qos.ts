import { bitsPerSecond, formatCount, formatDuration, formatPercent, formatRate } from "../kernel/units.ts";
import { type ClassShare, controlShare, type GuardFinding, type QosChange, sameShares } from "../model/decision.ts";
import type { ServedClass } from "../model/inventory.ts";
import { servedClass, serviceClasses } from "../model/scope.ts";
import { queueName } from "../model/signal.ts";
import { ceilingOf, floorOf, isCapped } from "../te/class-queues.ts";
import { exceeds } from "../te/link-failure.ts";
import type { QosCase } from "./case.ts";

/** Only links on which the inventory lets us, on their router, and queues for its service classes. */
export function allowList({ decision, network, links }: QosCase): GuardFinding {
  const guard = "allow-list";
  const classes = serviceClasses(network).map(({ name }) => name);
  for (const { link: name, device, to } of decision.changes) {
    const deny = (reason: string) => ({ guard, allow: false, reason });
    const link = links.find((one) => one.name === name);
    if (!link) return deny(`${name} is no link with qos in the inventory`);
    if (link.device !== device) return deny(`${name} is sent by ${link.device}, and the change is for ${device}`);
    const queues = to.map((share) => share.class);
    const stranger = queues.find((one) => !classes.includes(one));
    if (stranger !== undefined) return deny(`${stranger} is no service class`);
  }
  const reason = `${decision.changes.map(({ link }) => link).join(", ")} may have queues, and all of them are for service classes`;
  return { guard, allow: true, reason };
}

/** Each class has exactly one queue, or there are none at all. What stood there before may come back as it was, by classes that were. */
export function whole({ decision: { changes, intent }, network }: QosCase): GuardFinding {
  const guard = "whole";
  const old = intent.kind === "give-back" ? [...intent.changes].filter((change) => change.action === "qos") : [];
  for (const { link, to } of changes) {
    if (to.length === 0 || old.some((change) => change.link === link && sameShares(change.from, to))) continue;
    const missing = serviceClasses(network).find(({ name }) => to.filter((one) => one.class === name).length !== 1);
    if (missing) return { guard, allow: false, reason: `${missing.name} has not one queue on ${link}` };
  }
  return { guard, allow: true, reason: "every class has one queue, or there are none" };
}

/** The decision was made from what routers have; when that has changed since, so might the decision. */
export function unchangedBasis({ decision, qos }: QosCase): GuardFinding {
  const guard = "unchanged-basis";
  const seen = new Set<string>();
  for (const { link, device, from, to } of decision.changes) {
    const deny = (reason: string) => ({ guard, allow: false, reason });
    if (seen.has(link)) return deny(`${link} is changed twice`);
    seen.add(link);
    const now = qos.find((one) => one.link === link && one.device === device);
    if (!now) return deny(`what ${device} has for the queues of ${link} is not known`);
    if (!sameShares(now.shares, from)) return deny(`${device} has other queues on ${link} than it was decided on`);
    if (sameShares(from, to)) return deny(`nothing is changed on ${link}`);
  }
  return { guard, allow: true, reason: "the routers have what it was decided on" };
}

export function maxInterfaces({ decision, policy }: QosCase): GuardFinding {
  const [count, most] = [decision.changes.length, policy.decide.maxInterfaces];
  return {
    guard: "max-interfaces",
    allow: count <= most,
    reason: `changes ${count} of at most ${formatCount(most, "interface")}`,
  };
}

/** The class that the policy is for; undefined when the inventory has it no more. */
export const ownClass = ({ network, policy }: Pick<QosCase, "network" | "policy">): ServedClass | undefined =>
  servedClass(network, policy.scope.class);

/**
 * How often a class is touched is its own limit, whatever became of the changes. Giving back leaves one change for a new
 * peak, where there are more than one.
 */
export function budget({ decision, network, policy, touchedMs, nowMs }: QosCase): GuardFinding {
  const guard = "budget";
  const one = ownClass({ network, policy });
  if (!one) return { guard, allow: false, reason: `${policy.scope.class} is no service class` };
  const { changes, perMs } = one.service.budget;
  const made = touchedMs.filter((atMs) => nowMs - atMs < perMs).length;
  const reserved = decision.intent.kind === "give-back" ? Math.min(1, changes - 1) : 0;
  const kept = reserved > 0 ? `, and giving back leaves ${reserved} of them` : "";
  const reason = `${one.name} was touched ${formatCount(made, "time")} in the last ${formatDuration(perMs)}, of ${changes} allowed${kept}`;
  return { guard, allow: made < changes - reserved, reason };
}

/** A proposal may wait long for its approval: by then what it was for may be over. An unknown risk is freshness's to deny. */
export function stillNeeded({ decision, policy, state }: QosCase): GuardFinding {
  const guard = "still-needed";
  const { clear } = policy.trigger;
  const risk = state.signals.get("class.risk")?.get(policy.scope.class)?.value;
  if (decision.intent.kind === "give-back" || risk === undefined) {
    return { guard, allow: true, reason: "nothing is asked for that may be over" };
  }
  const stands = `the risk of ${policy.scope.class} is ${formatPercent(risk)}`;
  return risk < clear
    ? { guard, allow: false, reason: `${stands}, under ${formatPercent(clear)}: what it was for is over` }
    : { guard, allow: true, reason: `${stands}, not under ${formatPercent(clear)}` };
}

/** Routers could do it as it is written: guarantees fit the line beside control traffic, ceilings are no lower and not above it, all in whole kbit/s and bytes. */
export function feasible({ decision, links }: QosCase): GuardFinding {
  const guard = "feasible";
  const figures: string[] = [];
  for (const { link: name, to } of decision.changes) {
    const capacity = links.find((link) => link.name === name)?.capacity ?? 0;
    const wrong = to.find((share) => !isFeasible(share, capacity));
    if (wrong)
      return { guard, allow: false, reason: `what ${wrong.class} is to have on ${name} is no queue: ${asText(wrong)}` };
    const sum = to.reduce((total, { guaranteed }) => total + guaranteed, 0);
    const reason = `${formatRate(sum)} of the ${formatRate(capacity)} of ${name} are guaranteed, beside ${formatRate(controlShare(bitsPerSecond(capacity)))} for control traffic`;
    if (to.length > 0 && exceeds(sum, capacity - controlShare(bitsPerSecond(capacity))))
      return { guard, allow: false, reason };
    figures.push(to.length === 0 ? `${name} has one plain queue` : reason);
  }
  return { guard, allow: true, reason: figures.join(", ") };
}

function isFeasible({ guaranteed, ceiling, priority, mark }: ClassShare, capacity: number): boolean {
  const rates = guaranteed > 0 && guaranteed <= ceiling && ceiling <= capacity;
  const whole = guaranteed % 1000 === 0 && ceiling % 1000 === 0;
  const marks = Number.isInteger(mark.minBytes) && Number.isInteger(mark.maxBytes) && mark.minBytes > 0;
  return rates && whole && marks && mark.minBytes < mark.maxBytes && [0, 1, 2, 3, 4, 5, 6, 7].includes(priority);
}

const asText = ({ guaranteed, ceiling, priority, mark }: ClassShare) =>
  `guaranteed ${formatRate(guaranteed)}, ceiling ${formatRate(ceiling)}, priority ${priority}, marks ${mark.minBytes} to ${mark.maxBytes} bytes`;

/** Nobody is sure of less than its floor. */
export function floors({ decision, network, links }: QosCase): GuardFinding {
  const guard = "floors";
  for (const { link: name, to } of decision.changes) {
    const capacity = links.find((link) => link.name === name)?.capacity ?? 0;
    for (const share of to) {
      const one = servedClass(network, share.class);
      if (!one || !exceeds(floorOf(one, capacity), Math.min(share.guaranteed, share.ceiling))) continue;
      const reason = `${share.class} would be sure of ${formatRate(share.guaranteed)} on ${name}, under its floor of ${formatPercent(one.service.floor)}`;
      return { guard, allow: false, reason };
    }
  }
  return { guard, allow: true, reason: "every class keeps its floor" };
}

/**
 * Whether by the facts a change holds nobody back more than now: its queues are removed, or no ceiling is lower. That alone,
 * and not what a decision is said to be for, frees it of order and limit.
 */
export function loosens({ qos, links }: QosCase, { link: name, to }: QosChange): boolean {
  const now = qos.find(({ link }) => link === name)?.shares;
  const link = links.find((one) => one.name === name);
  if (!now || !link) return false;
  const queued = [...now, ...to].map((share) => share.class);
  return to.length === 0 || queued.every((one) => ceilingOf(to, one, link) >= ceilingOf(now, one, link));
}

/**
 * Only classes that the class may shed are held back more than they are, and in its order: one comes after those before it
 * are at their floors, or offer no more than they may have.
 */
export function shedOrder(facts: QosCase): GuardFinding {
  const { decision, network, policy, links, state, qos } = facts;
  const guard = "shed-order";
  const order = ownClass({ network, policy })?.service.sheds ?? [];
  const names: string[] = [];
  for (const change of decision.changes) {
    const { link: name, to } = change;
    const link = links.find((one) => one.name === name);
    if (!link || loosens(facts, change)) continue;
    const now = qos.find((one) => one.link === name)?.shares ?? [];
    const held = to
      .filter(({ ceiling }) => isCapped(ceiling, link.capacity))
      .filter((share) => share.ceiling < ceilingOf(now, share.class, link))
      .map((share) => share.class);
    const stranger = held.find((one) => !order.includes(one));
    if (stranger !== undefined)
      return {
        guard,
        allow: false,
        reason: `${policy.scope.class} may not hold ${stranger} back, as it would on ${name}`,
      };
    const last = Math.max(...held.map((one) => order.indexOf(one)));
    for (const earlier of order.slice(0, Math.max(0, last))) {
      const share = to.find((one) => one.class === earlier);
      const offered = offeredOn(state, name, earlier);
      if (!share || offered === undefined || offered <= share.guaranteed || share.ceiling <= share.guaranteed) continue;
      const reason = `${order[last]} would be held back on ${name} before ${earlier} is at its floor`;
      return { guard, allow: false, reason };
    }
    names.push(...held.map((one) => `${one} on ${name}`));
  }
  const reason =
    names.length === 0 ? "nobody is held back more than now" : `${names.join(", ")} may be held back, in this order`;
  return { guard, allow: true, reason };
}

/** Bit/s sent and dropped; undefined when either is not known, which another guard denies. */
function offeredOn(state: QosCase["state"], link: string, name: string): number | undefined {
  const [rate, drops] = (["queue.rate", "queue.drops"] as const).map((signal) =>
    state.signals.get(signal)?.get(queueName(link, name)),
  );
  return rate && drops ? rate.value + drops.value : undefined;
}
