/** Time as a port, so that the whole loop can run on simulated time. */
export interface Clock {
  /** Milliseconds since the Unix epoch; wall time, because routers stamp their samples with it. */
  now(): number;
  /** Calls `task` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, task: () => void): () => void;
}

/** Resolves after `delayMs`, or at once when `signal` aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(delayMs, done);
    signal?.addEventListener("abort", done, { once: true });
  });
}

/** A moment in elapsed time: it passes after `delayMs`, whatever the wall clock is set to meanwhile. */
export type Deadline = Readonly<{ passed: () => boolean; cancel: () => void }>;

export function deadline(clock: Clock, delayMs: number): Deadline {
  let over = delayMs <= 0;
  const cancel = clock.after(delayMs, () => {
    over = true;
  });
  return { passed: () => over, cancel };
}

/** Node fires at once what is set for later than this: 24.8 days. */
const longestTimeoutMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, Math.min(delayMs, longestTimeoutMs));
    return () => clearTimeout(timer);
  },
};
