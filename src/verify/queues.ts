import { formatRate } from "../kernel/units.ts";
import type { ClassShare, Decision } from "../model/decision.ts";
import type { LinkName } from "../model/inventory.ts";
import { serviceClasses } from "../model/scope.ts";
import { queueName, type SignalName } from "../model/signal.ts";
import { floorOf } from "../te/class-queues.ts";
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
 * Does every class get through its queue what it is sure of? It carries what it offered before the change, as far as that is
 * guaranteed; where it loses nothing now, at least half of it. And none that drops packets is under its floor. `fresh`: a
 * value measured since the push.
 */
export function judgeQueues(
  { network, decision, before }: VerifyInput,
  fresh: (signal: SignalName, name: string) => number | undefined,
): Finding[] {
  const was = (signal: SignalName, name: string) => before.signals.get(signal)?.get(name)?.value ?? Number.NaN;
  const now = (signal: SignalName, name: string) => fresh(signal, name) ?? Number.NaN;
  return queuesChanged(decision).flatMap(({ link, share }): Finding[] => {
    const name = queueName(link, share.class);
    const [carried, dropped] = [now("queue.rate", name), now("queue.drops", name)];
    const offered = was("queue.rate", name) + was("queue.drops", name);
    const due = Math.min(offered, share.guaranteed);
    const part = dropped === 0 ? somewhat : enough;
    const text = `${share.class} on ${link}: carries ${rate(carried)} and drops ${rate(dropped)}, of ${rate(due)} that it offered and is sure of`;
    const carries = { text, held: carried >= part * due };
    const floor = floorOn(link, share.class);
    if (!(dropped > 0) || carried >= enough * floor) return [carries];
    const under = `${share.class} on ${link}: drops packets under its floor of ${rate(floor)}`;
    return [carries, { text: under, held: false }];
  });

  function floorOn(link: LinkName, className: string): number {
    const one = serviceClasses(network).find(({ name }) => name === className);
    return one ? floorOf(one, network.links.find(({ name }) => name === link)?.capacity ?? 0) : 0;
  }
}

const rate = (value: number) => (Number.isNaN(value) ? "an unknown rate" : formatRate(value));
