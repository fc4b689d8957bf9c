import { bitsPerSecond, formatPercent, formatRate } from "../kernel/units.ts";
import { type ClassShare, controlShare, type GuardFinding, type QosChange, sameShares } from "../model/decision.ts";
import type { ServedClass } from "../model/inventory.ts";
import { serviceClasses } from "../model/scope.ts";
import { queueName } from "../model/signal.ts";
import { keptBack, type QosInterface, qosInterfaces, servedBy } from "../te/class-queues.ts";
import { exceeds } from "../te/link-failure.ts";
import type { QosCase } from "./case.ts";
import { freshSamples, maxDevices } from "./limits.ts";
import { freezeWindow, killSwitch, oneChangeInFlight } from "./timing.ts";

export function qosFindings(facts: QosCase): GuardFinding[] {
  const known = changedInterfaces(facts);
  /** Guards that work out what a class gets: without everything measured there they deny. */
  const on = (guard: string, judge: (facts: QosCase, changed: readonly Changed[]) => GuardFinding): GuardFinding => {
    if ("changed" in known) return judge(facts, known.changed);
    return { guard, allow: false, reason: `not known: ${known.unknown.join(", ")}` };
  };
  return [
    killSwitch(facts),
    freezeWindow(facts),
    oneChangeInFlight(facts),
    allowList(facts),
    unchangedBasis(facts),
    maxDevices(facts),
    maxInterfaces(facts),
    budget(facts),
    freshness(facts),
    feasible(facts),
    floors(facts),
    sheds(facts),
    on("premium", premium),
    on("traffic-held-back", heldBack),
  ];
}

type Changed = Readonly<{ change: QosChange; iface: QosInterface }>;

/** What is measured on the links that are changed, with the queues that routers have now. */
function changedInterfaces({ network, state, qos, decision }: QosCase) {
  const links = decision.changes.map(({ link }) => link);
  const part = { ...network, links: network.links.filter(({ name }) => links.includes(name)) };
  const known = qosInterfaces(part, state, qos);
  if ("unknown" in known) return known;
  const strangers = links.filter((link) => !known.interfaces.some((iface) => iface.link.name === link));
  if (strangers.length > 0) return { unknown: strangers.map((link) => `${link} as a link with qos`) };
  const changed = decision.changes.flatMap((change) =>
    known.interfaces.filter((iface) => iface.link.name === change.link).map((iface) => ({ change, iface })),
  );
  return { changed };
}

/** Only links on which the inventory lets us, on their router, and queues for its service classes, each once, or none at all. */
function allowList({ decision, network, links }: QosCase): GuardFinding {
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
    const missing = classes.find((one) => queues.filter((other) => other === one).length !== 1);
    if (to.length > 0 && missing !== undefined) return deny(`${missing} has not one queue on ${name}`);
  }
  const reason = `${decision.changes.map(({ link }) => link).join(", ")} may have queues, and all of them are for service classes`;
  return { guard, allow: true, reason };
}

/** The decision was made from what routers have; when that has changed since, so might the decision. */
function unchangedBasis({ decision, qos }: QosCase): GuardFinding {
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

function maxInterfaces({ decision, policy }: QosCase): GuardFinding {
  const [count, most] = [decision.changes.length, policy.decide.maxInterfaces];
  return { guard: "max-interfaces", allow: count <= most, reason: `changes ${count} of at most ${most} interfaces` };
}

/** How often a class is touched is its own limit, whatever became of the changes. */
function budget({ network, policy, touchedMs, nowMs }: QosCase): GuardFinding {
  const guard = "budget";
  const one = ownClass({ network, policy });
  if (!one) return { guard, allow: false, reason: `${policy.scope.class} is no service class` };
  const { changes, perMs } = one.service.budget;
  const made = touchedMs.filter((atMs) => nowMs - atMs < perMs).length;
  const reason = `${one.name} was touched ${made} times in the last ${perMs / 60_000} minutes; ${changes} are allowed`;
  return { guard, allow: made < changes, reason };
}

const ownClass = ({ network, policy }: Pick<QosCase, "network" | "policy">): ServedClass | undefined =>
  serviceClasses(network).find(({ name }) => name === policy.scope.class);

/** What every class sends, loses and has standing on the links that are changed, and how the class stands that it is for. */
function freshness(facts: QosCase): GuardFinding {
  const { state, decision, network, policy } = facts;
  const queues = decision.changes.flatMap(({ link }) =>
    serviceClasses(network).flatMap(({ name }) =>
      (["queue.rate", "queue.drops", "queue.depth"] as const).map((signal) => ({
        what: `${signal} of ${name} on ${link}`,
        atMs: state.signals.get(signal)?.get(queueName(link, name))?.toMs,
      })),
    ),
  );
  const own = policy.scope.class;
  const risk = { what: `class.risk of ${own}`, atMs: state.signals.get("class.risk")?.get(own)?.toMs };
  return freshSamples(facts, [risk, ...queues]);
}

/** Routers could do it as it is written: guarantees fit the line beside control traffic, ceilings are no lower and not above it, all in whole kbit/s and bytes. */
function feasible({ decision, links }: QosCase): GuardFinding {
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
function floors({ decision, network, links }: QosCase): GuardFinding {
  const guard = "floors";
  for (const { link: name, to } of decision.changes) {
    const capacity = links.find((link) => link.name === name)?.capacity ?? 0;
    for (const share of to) {
      const floor = serviceClasses(network).find((one) => one.name === share.class)?.service.floor ?? 0;
      const least = Math.min(floor * capacity, Math.floor(capacity / 1000) * 1000);
      if (!exceeds(least, Math.min(share.guaranteed, share.ceiling))) continue;
      const reason = `${share.class} would be sure of ${formatRate(share.guaranteed)} on ${name}, under its floor of ${formatPercent(floor)}`;
      return { guard, allow: false, reason };
    }
  }
  return { guard, allow: true, reason: "every class keeps its floor" };
}

/**
 * Only classes that the class may shed are held back more than they were, and in its order: one comes after those before it
 * are at their floors, or offer no more than they may have.
 */
function sheds({ decision, network, policy, links, state }: QosCase): GuardFinding {
  const guard = "shed-order";
  const order = ownClass({ network, policy })?.service.sheds ?? [];
  if (decision.intent.kind === "give-back")
    return { guard, allow: true, reason: "an earlier change's limits are taken back" };
  const names: string[] = [];
  for (const { link: name, to } of decision.changes) {
    const capacity = links.find((link) => link.name === name)?.capacity ?? 0;
    const held = to.filter(({ ceiling }) => capacity - ceiling >= 1000).map((share) => share.class);
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
  const reason = names.length === 0 ? "nobody is held back" : `${names.join(", ")} may be held back, in this order`;
  return { guard, allow: true, reason };
}

/** Bit/s sent and dropped; undefined when either is not known, which another guard denies. */
function offeredOn(state: QosCase["state"], link: string, name: string): number | undefined {
  const [rate, drops] = (["queue.rate", "queue.drops"] as const).map((signal) =>
    state.signals.get(signal)?.get(queueName(link, name)),
  );
  return rate && drops ? rate.value + drops.value : undefined;
}

/**
 * The class and those served before it are within the target of each interface, and sure of what they offer. Where one plain queue
 * comes back, it is not full.
 */
function premium({ policy, network }: QosCase, changed: readonly Changed[]): GuardFinding {
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
    const first = loads.filter(({ one: other }) => {
      return other.name === one.name || other.service.priority < one.service.priority;
    });
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

/** Of what any one interface is offered. Giving back is not limited: what was held back is let go. */
function heldBack({ decision, policy }: QosCase, changed: readonly Changed[]): GuardFinding {
  const guard = "traffic-held-back";
  const limit = policy.guard.maxTrafficMoved;
  if (decision.intent.kind === "give-back")
    return { guard, allow: true, reason: "what an earlier change has set may all go back" };
  const shares = changed.map(({ change, iface }) => {
    const offered = iface.loads.reduce((sum, load) => sum + load.offered, 0);
    const held = iface.loads.reduce((sum, load) => sum + keptBack(iface, load, change.to), 0);
    return offered === 0 ? 0 : held / offered;
  });
  const most = Math.max(0, ...shares);
  const reason = `holds back ${formatPercent(most)} of what an interface is offered; at most ${formatPercent(limit)} may be`;
  return { guard, allow: !exceeds(most, limit), reason };
}
