import type { Clock } from "../kernel/clock.ts";

type Bucket = { tokens: number; atMs: number };

/** As many callers are told apart. With more, those that have been quiet longest start anew. */
const mostKeys = 10_000;

/** A token bucket for each caller: `burst` at once, and `perSecond` in the long run. */
export class RateLimit {
  readonly #limits: Readonly<{ burst: number; perSecond: number; clock: Clock }>;
  /** Least recently asked first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(limits: Readonly<{ burst: number; perSecond: number; clock: Clock }>) {
    this.#limits = limits;
  }

  /** Takes one; where there is none, takes nothing and tells in how many whole seconds there is. */
  take(key: string): Readonly<{ ok: true }> | Readonly<{ ok: false; retryAfterSeconds: number }> {
    const { perSecond } = this.#limits;
    const bucket = this.#refilled(key);
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > mostKeys && oldest !== undefined) this.#buckets.delete(oldest);
    if (bucket.tokens < 1) return { ok: false, retryAfterSeconds: Math.ceil((1 - bucket.tokens) / perSecond) };
    bucket.tokens -= 1;
    return { ok: true };
  }

  /** Whether one could be taken. */
  has(key: string): boolean {
    return this.#refilled(key).tokens >= 1;
  }

  #refilled(key: string): Bucket {
    const { burst, perSecond, clock } = this.#limits;
    const nowMs = clock.now();
    const { tokens, atMs } = this.#buckets.get(key) ?? { tokens: burst, atMs: nowMs };
    // Where the clock was set back, time stands still until it has caught up.
    const passedMs = Math.max(0, nowMs - atMs);
    return { tokens: Math.min(burst, tokens + (passedMs / 1000) * perSecond), atMs: nowMs };
  }
}
