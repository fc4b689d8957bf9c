/** What the network does to the traffic of a class: one way, and the share of it that is lost. */
export type PathFate = Readonly<{ latencyP99Ms: number; loss: number }>;

/** Machines that answer requests, as many at once as there are; rates are requests a second. */
export type Serving = Readonly<{
  requests: Readonly<{ base: number; peak: number }>;
  /** What the machines can answer. */
  capacity: Readonly<{ base: number; peak: number }>;
  /** Until the first token where nobody waits: at least, and what is spread above that, exponentially. */
  prefillMs: number;
  spreadMs: number;
  /** Crossings of the network before the first token. */
  roundTrips: number;
  /** More requests than these are turned away. */
  mostWaiting: number;
}>;

/** Machines that compute a step, then exchange its result over the network, which they all wait for. */
export type Training = Readonly<{ stepMs: number; roundTrips: number }>;

/** Upper bounds of the histogram's buckets, in seconds. */
const bounds = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2, 3, 5] as const;
/** What a lost packet costs those who wait for it: a retransmission after its time-out. */
const retransmitMs = 200;
/** That a stream of answers is broken off, by lost packet. */
const interruptionsPerLoss = 0.1;

const stallMs = (roundTrips: number, { latencyP99Ms, loss }: PathFate) =>
  roundTrips * (latencyP99Ms + loss * retransmitMs);

/** Share of the time that the machines compute. */
export const gpuUtilisation = ({ stepMs, roundTrips }: Training, path: PathFate): number =>
  stepMs / (stepMs + stallMs(roundTrips, path));

/** Rates of this moment, requests a second. */
export type ServiceRates = Readonly<{ requests: number; capacity: number }>;

/** The requests of one class since the start. Has no clock; counts are exact however time is cut up within a tick. */
export class ServiceLoad {
  readonly #serving: Serving;
  readonly #tickMs: number;
  readonly #buckets = new Map<string, number>([...bounds.map((bound) => [String(bound), 0] as const), ["+Inf", 0]]);
  #interruptions = 0;
  #waiting = 0;
  #inTickMs = 0;

  constructor(serving: Serving, tickMs: number) {
    this.#serving = serving;
    this.#tickMs = tickMs;
  }

  /** Lets `spanMs` pass, not over the end of a tick; those who wait are counted anew at its end. */
  advance(spanMs: number, rates: ServiceRates, path: PathFate): void {
    const requests = (rates.requests * spanMs) / 1000;
    const leastMs = this.#leastMs(rates, path);
    for (const [bound, count] of this.#buckets) {
      const overMs = bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound) * 1000 - leastMs;
      const within = overMs <= 0 ? 0 : 1 - Math.exp(-overMs / this.#serving.spreadMs);
      this.#buckets.set(bound, count + requests * within);
    }
    this.#interruptions += requests * Math.min(1, path.loss * interruptionsPerLoss);
    this.#inTickMs += spanMs;
    if (this.#inTickMs < this.#tickMs - 1e-6) return;
    const more = ((rates.requests - rates.capacity) * this.#inTickMs) / 1000;
    this.#waiting = Math.min(this.#serving.mostWaiting, Math.max(0, this.#waiting + more));
    this.#inTickMs = 0;
  }

  /** Of a request that comes now, ms. */
  firstTokenP95Ms(rates: ServiceRates, path: PathFate): number {
    const leastMs = this.#leastMs(rates, path);
    return leastMs + this.#serving.spreadMs * Math.log(1 / 0.05);
  }

  /** Whole requests. */
  waiting(): number {
    return Math.round(this.#waiting);
  }

  /** Cumulative counters by upper bound in seconds: Prometheus's `le`. */
  buckets(): ReadonlyMap<string, number> {
    return this.#buckets;
  }

  interruptions(): number {
    return this.#interruptions;
  }

  #leastMs({ capacity }: ServiceRates, path: PathFate): number {
    const { prefillMs, roundTrips } = this.#serving;
    return prefillMs + (this.#waiting / capacity) * 1000 + stallMs(roundTrips, path);
  }
}
