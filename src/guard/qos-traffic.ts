import { formatPercent, formatRate } from "../kernel/units.ts";
import type { GuardFinding, QosChange } from "../model/decision.ts";
import { serviceClasses } from "../model/scope.ts";
import { queueName } from "../model/signal.ts";
import {
  fitsLine,
  heldBack,
  isPremium,
  type QosInterface,
  qosInterfaces,
  robbed,
  servedBy,
} from "../te/class-queues.ts";
import { exceeds } from "../te/link-failure.ts";
import type { QosCase } from "./case.ts";
import { freshSamples } from "./limits.ts";
import { loosens, ownClass } from "./qos.ts";

export type Changed = Readonly<{ change: QosChange; iface: QosInterface }>;

/** What is measured on the links that are changed, with the queues that routers have now. */
export function changedInterfaces({ network, state, qos, decision }: QosCase) {
  const links = decision.changes.map(({ link }) => link);
  const part = { ...network, links: network.links.filter(({ name }) => links.includes(name)) };
  const known = qosInterfaces(part, state, qos);
  if ("unknown" in known) return known;
  const strangers = links.filter((link) => !known.interfaces.some((iface) => iface.link.name === link));
  if (strangers.length > 0) return { unknown: strangers.map((link) => `${link} as a link with qos`) };
  const changed = decision.changes.flatMap((change) =>
    known.interfaces.filter((iface) => iface.link.name === change.link).map((iface) => ({ change, iface })),
  );
  const misfit = changed.filter(({ change, iface }) => !fitsLine(change.to, iface.link));
  if (misfit.length > 0)
    return { unknown: misfit.map(({ iface }) => `what comes of such queues on ${iface.link.name}`) };
  return { changed };
}

/** What every class sends, loses and has standing on the links that are changed, what these send in all, and how the class stands that it is for. */
export function freshness(facts: QosCase): GuardFinding {
  const { state, decision, network, policy } = facts;
  const queues = decision.changes.flatMap(({ link }) =>
    serviceClasses(network).flatMap(({ name }) =>
      (["queue.rate", "queue.drops", "queue.depth"] as const).map((signal) => ({
        what: `${signal} of ${name} on ${link}`,
        atMs: state.signals.get(signal)?.get(queueName(link, name))?.toMs,
      })),
    ),
  );
  const links = decision.changes.map(({ link }) => ({
    what: `link.rate.out of ${link}`,
    atMs: state.signals.get("link.rate.out")?.get(link)?.toMs,
  }));
  const own = policy.scope.class;
  const risk = { what: `class.risk of ${own}`, atMs: state.signals.get("class.risk")?.get(own)?.toMs };
  return freshSamples(facts, [risk, ...queues, ...links]);
}

/** Classes explain what the links send: the rest would stand in the last class's queue, and nobody would see it squeezed. */
export function coverage({ policy, state }: QosCase, changed: readonly Changed[]): GuardFinding {
  const guard = "coverage";
  const limit = policy.guard.coverage;
  const figures: string[] = [];
  let allow = true;
  for (const { iface } of changed) {
    const { link, loads } = iface;
    const sent = state.signals.get("link.rate.out")?.get(link.name)?.value ?? Number.NaN;
    const explained = loads.reduce((sum, { one }) => {
      return sum + (state.signals.get("queue.rate")?.get(queueName(link.name, one.name))?.value ?? Number.NaN);
    }, 0);
    if (!(explained >= limit * sent)) allow = false;
    const share = sent === 0 ? 1 : explained / sent;
    figures.push(
      `classes explain ${formatPercent(share)} of what ${link.name} sends, of at least ${formatPercent(limit)}`,
    );
  }
  return { guard, allow, reason: figures.join(", ") };
}

/**
 * The class and those served before it are within the target of each interface, and sure of what they offer. Where one plain queue
 * comes back, it is not full.
 */
export function premium({ policy, network }: QosCase, changed: readonly Changed[]): GuardFinding {
  const guard = "premium";
  const one = ownClass({ network, policy });
  if (!one) return { guard, allow: false, reason: `${policy.scope.class} is no service class` };
  const figures: string[] = [];
  for (const { change, iface } of changed) {
    const { link, loads } = iface;
    if (change.to.length === 0) {
      const full = servedBy(iface, []).some((service) => service.full);
      if (full) return { guard, allow: false, reason: `one plain queue on ${link.name} would be full` };
      figures.push(`one plain queue on ${link.name} would not be full`);
      continue;
    }
    const first = loads.filter((load) => isPremium(one, load.one));
    const offered = first.reduce((sum, load) => sum + load.offered, 0);
    const limit = policy.decide.target;
    const reason = `${one.name} and those before it offer ${formatPercent(offered / link.capacity)} of ${link.name}; at most ${formatPercent(limit)} may go first`;
    if (exceeds(offered, limit * link.capacity)) return { guard, allow: false, reason };
    for (const load of first) {
      const guaranteed = change.to.find((share) => share.class === load.one.name)?.guaranteed ?? 0;
      if (!exceeds(load.offered, guaranteed)) continue;
      const lacks = `${load.one.name} offers ${formatRate(load.offered)} on ${link.name} and would be sure of ${formatRate(guaranteed)}`;
      return { guard, allow: false, reason: lacks };
    }
    figures.push(reason);
  }
  return { guard, allow: true, reason: figures.join(", ") };
}

/** Whoever the class may not shed goes on carrying what it does, whatever its ceiling says. */
export function bystanders({ policy, network }: QosCase, changed: readonly Changed[]): GuardFinding {
  const guard = "bystanders";
  const one = ownClass({ network, policy });
  if (!one) return { guard, allow: false, reason: `${policy.scope.class} is no service class` };
  for (const { change, iface } of changed) {
    const after = servedBy(iface, change.to);
    const [victim] = robbed(one, iface, after);
    if (!victim) continue;
    const carries = after[iface.loads.indexOf(victim)]?.carried ?? 0;
    const reason = `${victim.one.name} would carry ${formatRate(carries)} on ${iface.link.name} of the ${formatRate(victim.offered - victim.drops)} it does now, and ${one.name} may not hold it back`;
    return { guard, allow: false, reason };
  }
  return { guard, allow: true, reason: `nobody whom ${one.name} may not hold back carries less than now` };
}

/** Of what any one interface is offered; what only lets go is not limited. */
export function trafficHeldBack(facts: QosCase, changed: readonly Changed[]): GuardFinding {
  const guard = "traffic-held-back";
  const limit = facts.policy.guard.maxTrafficMoved;
  const shares = changed.map(({ change, iface }) => {
    const offered = iface.loads.reduce((sum, load) => sum + load.offered, 0);
    return offered === 0 || loosens(facts, change) ? 0 : heldBack(iface, change.to) / offered;
  });
  const most = Math.max(0, ...shares);
  const reason = `holds back ${formatPercent(most)} of what an interface is offered; at most ${formatPercent(limit)} may be`;
  return { guard, allow: !exceeds(most, limit), reason };
}
