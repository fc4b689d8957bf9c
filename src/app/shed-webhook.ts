import { type Clock, sleep } from "../kernel/clock.ts";
import { Failure, fail, ok, type Result } from "../kernel/failure.ts";
import type { Trouble } from "../model/controller.ts";
import type { ShedLevel } from "../model/shed.ts";

const timeoutMs = 5_000;
const firstRetryMs = 1_000;
const lastRetryMs = 60_000;
/** What a controller that stops still waits for: the levels of what it has just taken back. */
const lastWordMs = 2_000;

type Options = Readonly<{
  urls: readonly string[];
  levels: () => readonly ShedLevel[];
  clock: Clock;
  onTrouble: (trouble: Trouble) => void;
}>;

export type ShedWebhooks = Readonly<{
  /** Call at the start, and when a change has reached another state; returns at once. */
  update(): void;
  /** What waits is tried once more, for two seconds at most in all. */
  stop(): Promise<void>;
}>;

/**
 * Tells every URL what each service class is asked for: all levels at the first update, then each whose level or `until` is
 * another. A receiver may so take a level as over at `until`, unless it is told better.
 * Shape:  POST of `{ class, level, reason, until }`, JSON; any 2xx is taken as heard. A redirect is not followed: nothing
 *         but the inventory says who is told.
 * Units:  `until` in RFC 3339, UTC, or null; `level` as in `ShedDegree`.
 * Order:  one request at a time per URL; of each class only the newest is sent, tried until it is heard, ever less often.
 * Errors: WEBHOOK_FAILED by `onTrouble`, once until a request is heard again. URLs may hold what only the receiver
 *         should know, so they are told apart by their place in the list, and only their origin is named.
 */
export function shedWebhooks({ urls, levels, clock, onTrouble }: Options): ShedWebhooks {
  const receivers = urls.map((url, index) => {
    const where = `shed webhook ${index + 1} at ${new URL(url).origin}`;
    return new Receiver(url, clock, (failure) => onTrouble({ where, ...(failure && { failure: failure.toJSON() }) }));
  });
  const told = new Map<string, string>();
  let cancelNext = () => {};

  function update(): void {
    cancelNext();
    const now = levels();
    for (const one of now) {
      const said = `${one.level} ${one.untilMs}`;
      if (told.get(one.class) === said) continue;
      told.set(one.class, said);
      for (const receiver of receivers) receiver.tell(one);
    }
    // A level may end, or last longer than was told, without any change's doing.
    const nextMs = Math.min(...now.map(({ untilMs }) => untilMs ?? Number.POSITIVE_INFINITY));
    if (nextMs < Number.POSITIVE_INFINITY) cancelNext = clock.after(Math.max(0, nextMs - clock.now()), update);
  }

  return {
    update: urls.length === 0 ? () => {} : update,
    async stop() {
      cancelNext();
      await Promise.all(receivers.map((receiver) => receiver.stop()));
    },
  };
}

class Receiver {
  readonly #url: string;
  readonly #clock: Clock;
  readonly #onTrouble: (failure: Failure | undefined) => void;
  /** By class, in the order in which they changed. */
  readonly #waiting = new Map<string, ShedLevel>();
  readonly #stopping = new AbortController();
  readonly #ended = new AbortController();
  #running: Promise<void> | undefined;
  #inTrouble = false;

  constructor(url: string, clock: Clock, onTrouble: (failure: Failure | undefined) => void) {
    this.#url = url;
    this.#clock = clock;
    this.#onTrouble = onTrouble;
  }

  tell(level: ShedLevel): void {
    this.#waiting.delete(level.class);
    this.#waiting.set(level.class, level);
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    const cancel = this.#clock.after(lastWordMs, () => this.#ended.abort());
    await this.#running;
    cancel();
  }

  async #run(): Promise<void> {
    let failures = 0;
    for (let [next] = this.#waiting.values(); next; [next] = this.#waiting.values()) {
      const heard = await this.#post(next);
      if (this.#ended.signal.aborted) break;
      if (heard.ok) {
        failures = 0;
        if (this.#waiting.get(next.class) === next) this.#waiting.delete(next.class);
        if (this.#inTrouble) this.#onTrouble(undefined);
        this.#inTrouble = false;
        continue;
      }
      if (!this.#inTrouble) this.#onTrouble(heard.failure);
      this.#inTrouble = true;
      if (this.#stopping.signal.aborted) break;
      const waitMs = Math.min(firstRetryMs * 2 ** failures++, lastRetryMs);
      await sleep(this.#clock, waitMs, this.#stopping.signal);
    }
    this.#running = undefined;
  }

  async #post({ untilMs, ...level }: ShedLevel): Promise<Result<void>> {
    const late = new AbortController();
    const cancelTimeout = this.#clock.after(timeoutMs, () => late.abort());
    const until = untilMs === null ? null : new Date(untilMs).toISOString();
    try {
      const {
        ok: heard,
        status,
        body,
      } = await fetch(this.#url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ ...level, until }),
        redirect: "manual",
        signal: AbortSignal.any([late.signal, this.#ended.signal]),
      });
      await body?.cancel();
      return heard ? ok(undefined) : fail(unheard(`it answers with HTTP status ${status}`));
    } catch (error) {
      return fail(unheard(late.signal.aborted ? `no answer within ${timeoutMs / 1000} s` : saidBy(error)));
    } finally {
      cancelTimeout();
    }
  }
}

const unheard = (message: string): Failure =>
  new Failure("WEBHOOK_FAILED", message, {
    retry: "later",
    mend: "check shedWebhooks, and that its receiver is up and answers a POST with 200 or 204",
  });

/** `fetch` says no more than that it failed; why is in its cause. */
function saidBy(error: unknown): string {
  const { cause, message } = error as Error;
  if (!(cause instanceof Error)) return message;
  return cause.message || String((cause as NodeJS.ErrnoException).code ?? cause.name);
}
