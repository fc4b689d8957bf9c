import { formatRate } from "../kernel/units.ts";
import type { ClassShare, Decision } from "../model/decision.ts";
import type { LinkName } from "../model/inventory.ts";
import { servedClass, serviceClasses } from "../model/scope.ts";
import { queueName, type SignalName } from "../model/signal.ts";
import { floorOf, isCapped } from "../te/class-queues.ts";
import type { Finding, VerifyInput } from "./input.ts";

/** Of what a class is sure of, so much must be seen: samples are not of one moment. */
const enough = 0.9;
/** A class that loses nothing may send less by itself, but a queue that leads nowhere carries nothing. */
const somewhat = 0.5;

export type QueueChanged = Readonly<{ link: LinkName; share: ClassShare }>;

/** Every queue that a change sets; none where a plain one comes back. */
export const queuesChanged = ({ changes }: Decision): QueueChanged[] =>
  [...changes].flatMap((change) =>
    change.action === "qos" ? change.to.map((share) => ({ link: change.link, share })) : [],
  );

/**
 * Classes that have a queue on a changed link and that nobody meant to do worse: not the one that it is for, which is judged
 * by itself, nor any that it may shed and that gets a ceiling.
 */
export function bystanders({ network, decision, policy }: VerifyInput): string[] {
  const { scope } = policy;
  if (!("class" in scope)) return [];
  const classes = serviceClasses(network);
  const sheds = servedClass(network, scope.class)?.service.sheds ?? [];
  const held = queuesChanged(decision)
    .filter(({ link, share }) =>
      isCapped(share.ceiling, network.links.find(({ name }) => name === link)?.capacity ?? 0),
    )
    .map(({ share }) => share.class);
  const queued = [...decision.changes].flatMap((change) => {
    return change.action === "qos" ? [...change.from, ...change.to].map((share) => share.class) : [];
  });
  return classes
    .map(({ name }) => name)
    .filter((name) => name !== scope.class && queued.includes(name) && !(sheds.includes(name) && held.includes(name)));
}

/**
 * Does every class get through its queue what it is sure of? The one that the change is for carries what it offered before, as
 * far as that is guaranteed; where it loses nothing now, at least half of it. Others may offer less, as some are asked to: only
 * one that drops packets must carry what it is sure of, of what it offers now. And none that drops is under its floor.
 * `fresh`: a value measured since the push.
 */
export function judgeQueues(
  { network, decision, before, policy }: VerifyInput,
  fresh: (signal: SignalName, name: string) => number | undefined,
): Finding[] {
  const was = (signal: SignalName, name: string) => before.signals.get(signal)?.get(name)?.value ?? Number.NaN;
  const now = (signal: SignalName, name: string) => fresh(signal, name) ?? Number.NaN;
  return queuesChanged(decision).flatMap(({ link, share }): Finding[] => {
    const name = queueName(link, share.class);
    const [carried, dropped] = [now("queue.rate", name), now("queue.drops", name)];
    const isFor = "class" in policy.scope && policy.scope.class === share.class;
    const offered = isFor ? was("queue.rate", name) + was("queue.drops", name) : carried + dropped;
    const due = Math.min(offered, share.guaranteed);
    const part = dropped === 0 ? somewhat : enough;
    const offers = isFor ? "offered" : "offers";
    const text = `${share.class} on ${link}: carries ${rate(carried)} and drops ${rate(dropped)}, of ${rate(due)} that it ${offers} and is sure of`;
    const carries = { text, held: carried >= part * due };
    const floor = floorOn(link, share.class);
    if (!(dropped > 0) || carried >= enough * floor) return [carries];
    const under = `${share.class} on ${link}: drops packets under its floor of ${rate(floor)}`;
    return [carries, { text: under, held: false }];
  });

  function floorOn(link: LinkName, className: string): number {
    const one = servedClass(network, className);
    return one ? floorOf(one, network.links.find(({ name }) => name === link)?.capacity ?? 0) : 0;
  }
}

const rate = (value: number) => (Number.isNaN(value) ? "an unknown rate" : formatRate(value));
