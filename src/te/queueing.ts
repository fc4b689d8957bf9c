import { assert } from "../kernel/assert.ts";
import { isSaturated } from "./link-limits.ts";

/** An interface that sends `capacity` bit/s, and the bits of a packet. */
export type Line = Readonly<{ capacity: number; packetBits: number }>;

/** What wants to leave by one queue (bit/s), and how the queue is served: as `ClassShare`, in bit/s and bytes. */
export type QueueLoad = Readonly<{
  offered: number;
  guaranteed: number;
  ceiling: number;
  priority: number;
  maxBytes: number;
}>;

/** What comes of it. `full`: it takes all that it may have, so its buffer stands full and demand beyond that is not seen. */
export type QueueService = Readonly<{ carried: number; delayP99Ms: number; full: boolean }>;

/** The share of packets that wait longer than the 99th percentile. */
const tail = 0.01;

/**
 * Queues of classes on one line, in the order of `queues`. Guarantees fit the line and are over zero.
 *
 * Rates: each queue has what it is guaranteed; what is left goes by priority, among equals in proportion to their
 * guarantees, and to nobody above its ceiling (HTB; Devera, "HTB Linux queuing discipline theory").
 *
 * Waits, 99th percentile: what is on the line already is not taken off it, so one packet time at most, and then
 * P(W > t) = r e^(-2 (1 - r) t / S), with S a packet's time and r the load of what is served first and of the queue's own
 * traffic: an exponential tail with the mean of M/G/1 for packets of one size (Kleinrock, Queueing Systems I, 5.6), as a
 * class with non-preemptive priority sees it (II, 3.6). The same
 * on the part of the line that the queue may use at all; the longer of the two, and never longer than its buffer holds.
 * Percentiles of parts are added, which errs on the long side. A queue that is offered as much as it may have waits for
 * its whole buffer, as TCP fills whatever buffer it is given.
 */
export function classQueues({ capacity, packetBits }: Line, queues: readonly QueueLoad[]): QueueService[] {
  const sure = queues.reduce((sum, { guaranteed }) => sum + guaranteed, 0);
  assert(sure <= capacity * (1 + 1e-9), "guarantees fit the line");
  const carried = sharedOut(capacity, queues);
  const load = carried.reduce((sum, rate) => sum + rate, 0) / capacity;
  const residual = load > tail ? (packetBits / capacity) * (1 - tail / load) : 0;
  return queues.map((queue, i) => {
    assert(queue.guaranteed > 0, "every queue is sure of something");
    const insatiable = queues.map((one, j) => (j === i ? { ...one, offered: Number.POSITIVE_INFINITY } : one));
    const available = sharedOut(capacity, insatiable)[i] as number;
    const own = carried[i] as number;
    const first = queues.map((other, j) => (j === i ? 0 : servedFirst(queue, other, carried[j] as number)));
    const line = first.reduce((sum, rate) => sum + rate, own) / capacity;
    const buffer = (queue.maxBytes * 8) / available;
    const full = isSaturated({ capacity: available }, queue.offered);
    const behind = Math.max(
      waitP99(line, packetBits / capacity),
      waitP99(queue.offered / available, packetBits / available),
    );
    const wait = full ? buffer : Math.min(buffer, behind);
    return { carried: own, delayP99Ms: (residual + wait) * 1000, full };
  });
}

/** Bit/s of `other` that leave before what `queue` has to send: within its guarantee it goes before all of lower priority. */
function servedFirst(queue: QueueLoad, other: QueueLoad, carried: number): number {
  const within = queue.offered <= queue.guaranteed;
  if (other.priority > queue.priority) return within ? 0 : Math.min(carried, other.guaranteed);
  return within ? Math.min(carried, other.guaranteed) : carried;
}

/** Bit/s by queue. */
function sharedOut(capacity: number, queues: readonly QueueLoad[]): number[] {
  const most = queues.map(({ offered, ceiling }) => Math.min(offered, ceiling));
  const carried = queues.map(({ guaranteed }, i) => Math.min(most[i] as number, guaranteed));
  let left = Math.max(0, capacity - carried.reduce((sum, rate) => sum + rate, 0));
  const priorities = [...new Set(queues.map(({ priority }) => priority))].sort((a, b) => a - b);
  for (const priority of priorities) {
    let hungry = [...queues.keys()].filter((i) => queues[i]?.priority === priority && lacks(i) > 0);
    while (hungry.length > 0 && left > 0) {
      const weight = hungry.reduce((sum, i) => sum + (queues[i] as QueueLoad).guaranteed, 0);
      const [round, gifts] = [left, hungry.map((i) => (left * (queues[i] as QueueLoad).guaranteed) / weight)];
      for (const [at, i] of hungry.entries()) {
        const gift = Math.min(gifts[at] as number, lacks(i));
        carried[i] = (carried[i] as number) + gift;
        left -= gift;
      }
      const still = hungry.filter((i) => lacks(i) > 1e-9 * round);
      if (still.length === hungry.length) break;
      hungry = still;
    }
    if (left <= capacity * 1e-12) break;
  }
  return carried;

  function lacks(i: number): number {
    return (most[i] as number) - (carried[i] as number);
  }
}

/**
 * One plain queue for all, in order of arrival: everybody waits the same, and what does not fit is lost by all alike.
 * `standingBytes`: measured in the queue. When it is full, that is its buffer; else it tells how bursty traffic is, as
 * bursts of b bits have r^2 b / 2 (1 - r) waiting on average. Infinite: nobody has seen it full; and a gauge that shows less
 * than a packet before a full line has not either, so how long one waits there is infinite too.
 */
export function plainQueue(
  { capacity, packetBits }: Line,
  offered: readonly number[],
  standingBytes: number,
): QueueService[] {
  const load = offered.reduce((sum, rate) => sum + rate, 0) / capacity;
  const full = isSaturated({ capacity }, load * capacity);
  const seen = standingBytes * 8;
  const standing = full && seen < packetBits ? Number.POSITIVE_INFINITY : seen;
  const burst = Math.min(standing, (2 * standing * (1 - load)) / load ** 2);
  const bits = Number.isFinite(burst) ? Math.max(packetBits, burst) : packetBits;
  const wait = full ? standing / capacity : waitP99(load, bits / capacity);
  return offered.map((rate) => ({ carried: rate / Math.max(1, load), delayP99Ms: wait * 1000, full }));
}

/** Seconds that all but the tail wait less than, at this load, for a server that takes `service` seconds for each. */
function waitP99(load: number, service: number): number {
  if (load >= 1) return Number.POSITIVE_INFINITY;
  return load > tail ? (service / (2 * (1 - load))) * Math.log(load / tail) : 0;
}
