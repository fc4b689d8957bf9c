import { formatMs, formatPercent, formatRate } from "../../kernel/units.ts";
import { floorOf, type QosInterface } from "../../te/class-queues.ts";
import { listed } from "../listed.ts";
import type { Candidate } from "./candidates.ts";
import type { Held } from "./shares.ts";
import type { Task } from "./task.ts";

/** What is done on each interface and what comes of it: sentences. */
export function describeCandidates({ one }: Task, chosen: readonly Candidate[]): string {
  return chosen
    .map(({ iface, plan, wait, lost, offered }) => {
      const sure = plan.shares.find((share) => share.class === one.name)?.guaranteed ?? 0;
      const losses =
        lost.before > 0
          ? ` and its loss from ${formatPercent(lost.before / offered)} to ${formatPercent(lost.after / offered)}`
          : "";
      const done = `On ${iface.link.name} ${one.name} is sure of ${formatRate(sure)} of ${formatRate(iface.link.capacity)}, for the ${formatRate(offered)} that it offers: its 99th percentile wait goes from ${formatWait(wait.before)} to ${formatWait(wait.after)}${losses}.`;
      return `${done} ${admitted(iface, plan.held)}${shortOf(plan.short)}`;
    })
    .join(" ");
}

function admitted(iface: QosInterface, held: readonly Held[]): string {
  if (held.length === 0)
    return "Nobody is held back; what it leaves goes to the others by priority, and each keeps its floor.";
  const floors = held.map((one) => {
    const load = iface.loads.find((other) => other.one.name === one.class);
    const atFloor = load && one.to <= floorOf(load.one, iface.link.capacity);
    return `${one.class} is held back to ${atFloor ? "its floor of " : ""}${formatRate(one.to)} of the ${formatRate(one.offered)} that it offers`;
  });
  return `The line does not carry all: ${listed(floors)}.`;
}

/** An infinite wait is one of which only is known that it is before a full line. */
export const formatWait = (ms: number): string => (Number.isFinite(ms) ? formatMs(ms) : "an unknown time");

const shortOf = (short: readonly string[]) =>
  short.length === 0
    ? ""
    : ` ${listed(short)} still ${short.length === 1 ? "goes" : "go"} short, and may not be held back for others.`;

export const describeHeld = (held: readonly Held[]): string =>
  listed(held.map((one) => `${one.class} to ${formatRate(one.to)}`));
