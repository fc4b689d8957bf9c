import type { ConfiguredQueue } from "./qos-config.ts";

/** What stands in one line at an instant. Rates are bit/s. */
export type QueueFlow = Readonly<{
  /** What comes, by demand. Of it, `lossShare` is dropped. */
  offered: ReadonlyMap<string, number>;
  delivered: number;
  lossShare: number;
  /** Of what senders with windows would send, the part that does not come, as their windows stand in line. */
  heldShare: number;
  /** Mean and 99th percentile of the wait for the line. */
  queueDelayMs: number;
  queueP99Ms: number;
}>;

/** One link at one instant: all of its queues together, the waits those of the slowest. No `queues`: it is one. */
export type LinkFlow = QueueFlow & Readonly<{ queues: readonly QueueFlow[] }>;

export const packetBits = 8_000;
/** Of a line that no queue says otherwise of, at its full rate. */
const bufferMs = 50;

/**
 * What comes to a line, bit/s. Senders with windows (`windowMs`: what they keep in flight, as time at `rate`) are not
 * dropped when there is no room: what they have too much stands in line, and they send what gets through.
 */
export type LineDemand = Readonly<{ name: string; rate: number; dscp?: number; windowMs?: number }>;

/** Windows leave the line busy and not more than that: what stands in line is counted apart. */
const busiestByWindows = 0.98;
/** Sums of shares are off by the last bits of a double. */
const rounding = 1e-12;

/**
 * A line that its sender serves by class. Every queue is sure of its `cir` (all of them scaled, should they not fit); what
 * is left goes by `sequence`, to nobody above its `pir`. What no queue takes in by its DSCP is served last. Without
 * queues, all stand in one line.
 */
export function lineFlow(
  capacity: number,
  demands: readonly LineDemand[],
  configured: readonly ConfiguredQueue[],
): LinkFlow {
  if (configured.length === 0) {
    const full = { room: capacity, bufferMs, standMs: bufferMs };
    return { ...queueFlow(demands, full, (rate) => waits(capacity, rate)), queues: [] };
  }
  const rest: ConfiguredQueue = { queue: "", dscps: [], sequence: Number.POSITIVE_INFINITY, cir: 0, pir: capacity };
  const placeOf = ({ dscp }: LineDemand) =>
    configured.find(({ dscps }) => dscp !== undefined && dscps.includes(dscp)) ?? rest;
  const queues = [...configured, rest]
    .map((queue) => ({ ...queue, demands: demands.filter((demand) => placeOf(demand) === queue) }))
    .toSorted((a, b) => a.sequence - b.sequence);
  const asked = queues.map((queue) => sumOf(queue.demands));
  const sent = share(capacity, queues, asked);
  const busy = Math.min(1, sum(sent) / capacity);
  let ahead = 0;
  const flows = queues.map((queue, index): QueueFlow => {
    const room = sent[index] ?? 0;
    const before = ahead / capacity;
    ahead += room;
    const ofBytes = (bytes: number | undefined) =>
      bytes !== undefined && room > 0 ? (bytes * 8000) / room : undefined;
    const buffer = ofBytes(queue.maxBytes ?? (bufferMs * capacity) / 8000) ?? bufferMs;
    const limits = { room, bufferMs: buffer, standMs: Math.min(buffer, ofBytes(queue.ecnMinBytes) ?? buffer) };
    return queueFlow(queue.demands, limits, (rate) => {
      const turn = inTurn({ capacity, busy, before, rate, cir: queue.cir });
      const shaped = queue.pir < capacity ? waits(queue.pir, rate) : turn;
      const longer = shaped.p99Ms > turn.p99Ms ? shaped : turn;
      return { meanMs: Math.min(buffer, longer.meanMs), p99Ms: Math.min(buffer, longer.p99Ms) };
    });
  });
  const offered = new Map(flows.flatMap((flow) => [...flow.offered]));
  const delivered = sum(flows.map((flow) => flow.delivered));
  const total = sum([...offered.values()]);
  const used = flows.filter((flow) => flow.offered.size > 0);
  return {
    offered,
    delivered,
    lossShare: total > delivered ? 1 - delivered / total : 0,
    heldShare: 0,
    queueDelayMs: Math.max(0, ...used.map((flow) => flow.queueDelayMs)),
    queueP99Ms: Math.max(0, ...used.map((flow) => flow.queueP99Ms)),
    queues: flows,
  };
}

/** Where a demand of the line stands. */
export const queueOf = (flow: LinkFlow, demand: string): QueueFlow =>
  flow.queues.find(({ offered }) => offered.has(demand)) ?? flow;

/** bit/s that each queue sends, of what it is asked for: in the order of `queues`. */
function share(
  capacity: number,
  queues: readonly Pick<ConfiguredQueue, "cir" | "pir">[],
  asked: readonly number[],
): number[] {
  const promised = sum(queues.map(({ cir }) => cir));
  const scale = promised > capacity ? capacity / promised : 1;
  const sent = queues.map(({ cir, pir }, index) => Math.min(asked[index] ?? 0, cir * scale, pir));
  let spare = capacity - sum(sent);
  for (const [index, { pir }] of queues.entries()) {
    const has = sent[index] ?? 0;
    const more = Math.max(0, Math.min(spare, Math.min(asked[index] ?? 0, pir) - has));
    sent[index] = has + more;
    spare -= more;
  }
  return sent;
}

type Wait = Readonly<{ meanMs: number; p99Ms: number }>;

/** The wait of an M/M/1 queue, at most its buffer; a line with more than it can carry keeps the buffer full. */
function waits(capacity: number, rate: number): Wait {
  const load = rate / capacity;
  const drainMs = ((packetBits / capacity) * 1000) / (1 - load);
  const within = (ms: number) => (load < 1 ? Math.min(bufferMs, Math.max(0, ms)) : bufferMs);
  // P(wait > t) = load e^(-t / drain), which is 1% at this t.
  return { meanMs: within(load * drainMs), p99Ms: within(Math.log(load / 0.01) * drainMs) };
}

/**
 * The wait of a queue that gets all it asks for: Cobham's for non-preemptive priorities, with the exponential tail of
 * M/M/1. `before` is the load served earlier, `busy` that of all. Where those before it leave nothing, its `cir` is a line
 * of its own.
 */
function inTurn(at: { capacity: number; busy: number; before: number; rate: number; cir: number }): Wait {
  const { capacity, busy, before, rate, cir } = at;
  const left = 1 - before - rate / capacity;
  const sure = waits(cir, rate);
  if (left <= 0) return sure;
  const drainMs = ((packetBits / capacity) * 1000) / ((1 - before) * left);
  const p99Ms = Math.max(0, Math.log(busy / 0.01) * drainMs);
  return p99Ms < sure.p99Ms ? { meanMs: busy * drainMs, p99Ms } : sure;
}

/** One queue that may send `room`; `wait` is that of a rate that fits. `standMs` is what windows may keep standing. */
function queueFlow(
  demands: readonly LineDemand[],
  { room, bufferMs: buffer, standMs }: Readonly<{ room: number; bufferMs: number; standMs: number }>,
  wait: (rate: number) => Wait,
): QueueFlow {
  let [rigid, elastic, windows] = [0, 0, 0];
  for (const { rate, windowMs } of demands) {
    if (windowMs === undefined) rigid += rate;
    else {
      elastic += rate;
      windows += windowMs * rate;
    }
  }
  const forElastic = Math.max(0, room - rigid);
  const heldShare = elastic > forElastic ? 1 - forElastic / elastic : 0;
  const offered = new Map<string, number>();
  for (const { name, rate, windowMs } of demands)
    offered.set(name, windowMs === undefined ? rate : rate * (1 - heldShare));
  const total = rigid + elastic * (1 - heldShare);
  const flow = { offered, delivered: Math.min(total, room), heldShare };
  if (rigid > room * (1 + rounding)) {
    return { ...flow, lossShare: 1 - room / rigid, queueDelayMs: buffer, queueP99Ms: buffer };
  }
  const windowMs = elastic > 0 ? windows / elastic : 0;
  const standing = heldShare > 0 ? Math.min(standMs, windowMs * (heldShare / (1 - heldShare))) : 0;
  const { meanMs, p99Ms } = wait(elastic > 0 ? Math.min(total, busiestByWindows * room) : total);
  return {
    ...flow,
    lossShare: 0,
    queueDelayMs: Math.min(buffer, standing + meanMs),
    queueP99Ms: Math.min(buffer, standing + p99Ms),
  };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const sumOf = (demands: readonly LineDemand[]) => sum(demands.map(({ rate }) => rate));
