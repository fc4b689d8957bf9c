import { formatRate } from "../kernel/units.ts";
import { type Change, onRouterStates, waitingStates } from "../model/change.ts";
import type { QosChange } from "../model/decision.ts";
import type { Link, LinkName, Network, ServedClass } from "../model/inventory.ts";
import { serviceClasses } from "../model/scope.ts";
import type { ShedDegree, ShedLevel } from "../model/shed.ts";
import { floorOf, isCapped } from "../te/class-queues.ts";

/** Shares are in whole kbit/s, rounded either way. */
const roundingBits = 1_000;

/** One change's word on one class and link. */
type Held = Readonly<{ level: ShedDegree; reason: string; untilMs: number | null }>;

/** A change of one link's queues that counts now; `degree` is what it asks of a class that it holds back above its floor. */
type Standing = Readonly<{ change: Change; qos: QosChange; degree: 1 | 2; untilMs: number | null }>;

/** What every service class is asked for, by name. Links that are not in the inventory are left out. */
export function shedLevels(changes: readonly Change[], network: Network, nowMs: number): readonly ShedLevel[] {
  const standing = [...waiting(changes, nowMs), ...underWay(changes), ...confirmed(changes, nowMs)];
  return serviceClasses(network).map((one) => {
    const held = standing.flatMap((change) => heldBy(change, one, network) ?? []);
    const level = held.reduce<ShedDegree>((most, next) => (next.level > most ? next.level : most), 0);
    if (level === 0) return { class: one.name, level, reason: "not held back", untilMs: null };
    const worst = held.filter((next) => next.level === level);
    // It is over when the last of them is, and if that is not known of one, it is not known.
    const untilMs = worst.some((next) => next.untilMs === null)
      ? null
      : Math.max(...worst.map((next) => next.untilMs ?? 0));
    return { class: one.name, level, reason: worst.map(({ reason }) => reason).join("; "), untilMs };
  });
}

/** Proposals that somebody may still approve. What a policy only observes is never made, and asks nobody for anything. */
function waiting(changes: readonly Change[], nowMs: number): Standing[] {
  return changes.flatMap((change) => {
    const waits = waitingStates.includes(change.state);
    if (!waits || change.mode === "observe" || nowMs >= change.expiresMs) return [];
    return queuesOf(change).map((qos) => ({ change, qos, degree: 1, untilMs: change.expiresMs }));
  });
}

/** Being made; and being taken back or stuck: until a router says otherwise it may have the queues still. */
function underWay(changes: readonly Change[]): Standing[] {
  return changes
    .filter(({ state }) => onRouterStates.includes(state))
    .flatMap((change) => queuesOf(change).map((qos) => ({ change, qos, degree: 2, untilMs: null })));
}

/**
 * Of each link the change that was confirmed last: all queues of an interface are replaced as a whole, so what gave or
 * took back an earlier one says what is there now, be it all of the link or a part.
 */
function confirmed(changes: readonly Change[], nowMs: number): Standing[] {
  const last = new Map<LinkName, Standing>();
  const inOrder = changes.filter(({ state }) => state === "confirmed").sort((a, b) => endOf(a) - endOf(b));
  for (const change of inOrder) {
    const untilMs = givenBackFrom(change, nowMs);
    for (const qos of queuesOf(change)) last.set(qos.link, { change, qos, degree: 2, untilMs });
  }
  return [...last.values()];
}

/** When the policy may give it back at the earliest: after one hold; when that has passed, the peak lasts, and it is the next. */
function givenBackFrom(change: Change, nowMs: number): number {
  const { holdMs } = change.policy;
  const holds = Math.floor(Math.max(0, nowMs - endOf(change)) / holdMs) + 1;
  return endOf(change) + holds * holdMs;
}

const endOf = ({ times, createdMs }: Change): number => times.endedMs ?? createdMs;

const queuesOf = ({ decision }: Change): readonly QosChange[] => (decision.action === "qos" ? decision.changes : []);

function heldBy({ change, qos, degree, untilMs }: Standing, one: ServedClass, { links }: Network): Held | undefined {
  const link = links.find(({ name }) => name === qos.link);
  const ceiling = qos.to.find((share) => share.class === one.name)?.ceiling;
  if (!link || ceiling === undefined || !isCapped(ceiling, link.capacity)) return undefined;
  const atFloor = ceiling < floorOf(one, link.capacity) + roundingBits;
  const reason = `${wording(change, degree)} ${formatRate(ceiling)} on ${link.name}${offeredOn(change, link, one)}`;
  return { level: degree === 2 && atFloor ? 3 : degree, reason, untilMs };
}

function wording({ id, state }: Change, degree: 1 | 2): string {
  if (degree === 1) return `${id} is proposed and would hold it to`;
  return state === "confirmed" ? `${id} holds it to` : `${id}, which is ${state}, holds it to`;
}

function offeredOn({ decision }: Change, link: Link, one: ServedClass): string {
  const queue = decision.predicted.queues?.find((other) => other.link === link.name && other.class === one.name);
  return queue ? `, where it offered ${formatRate(queue.offered)}` : "";
}
