import { readFile } from "node:fs/promises";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { PrometheusDriver } from "prometheus-query";
import { assert } from "../kernel/assert.ts";
import { type Clock, sleep } from "../kernel/clock.ts";
import { attempt, Failure, mendOf, type Result } from "../kernel/failure.ts";
import type { Random } from "../kernel/random.ts";
import type { PrometheusAccess, ResolveSecret, ServedClass } from "../model/inventory.ts";
import type { SampleSink, SeriesId, SeriesTable, TargetStatus, TelemetrySource } from "../model/sample.ts";
import { type AskedQuery, type PromqlAnswer, readAnswer } from "./promql-answer.ts";

const target = "prometheus";
const timeoutMs = 10_000;
const refusedRetryMs = 60_000;
// 200,000 series have half of it. Parsed, JSON takes up to fifteen times its length.
const maxAnswerBytes = 32 << 20;
// A query without aggregation can name every flow there ever was; what is interned is never forgotten.
const maxSeries = 200_000;
/** Prometheus answers with a series' last sample for five minutes after its exporter died. Not to us. */
const lookbackIntervals = 3;

type Options = Readonly<{
  access: PrometheusAccess;
  /** Whose signals' queries are polled too. */
  classes: readonly ServedClass[];
  resolveSecret: ResolveSecret;
  table: SeriesTable;
  intervalMs: number;
  clock: Clock;
  random: Random;
}>;

/**
 * Polls every configured query once an interval; a slow answer delays the next poll, so that none overlap. Series that
 * the latest answer to a query lacks are gone.
 *
 * Status of the target `prometheus`: `synced` when every query was answered, with a reason when something in an answer
 * was refused, warned of or empty; `down` when one was not; `refused` when the server will not take a query or the
 * credentials, or our own secret or authority is missing: tried again once a minute. A class's signal may be without an
 * answer, as nothing may ask for the service just now: that is a reason beside `synced`, and the class's own trouble.
 *
 * A real server stamps an instant vector with the time of the query, so a sample's age is known to within the look-back
 * asked for, three intervals.
 */
export function prometheusSource(options: Options): TelemetrySource {
  const stopped = new AbortController();
  let running: Promise<void> | undefined;
  return {
    start(sink) {
      assert(!running, "a telemetry source starts once");
      running = new Poller(options, sink).run(stopped.signal);
    },
    async stop() {
      stopped.abort();
      await running;
    },
  };
}

/** `labels` name what all of the answer is about, beside those that are read from it. */
type Polled = Readonly<{
  /** For people, and of its own. */
  title: string;
  series: string;
  labels: Readonly<Record<string, string>>;
  query: AskedQuery;
  mayBeEmpty: boolean;
}>;

function polled({ access, classes }: Options): Polled[] {
  const ofNetwork = Object.entries(access.queries).map(([name, query]) => ({
    title: name,
    series: name,
    labels: {},
    query,
    mayBeEmpty: false,
  }));
  const ofClasses = classes.flatMap((one) =>
    one.service.signals.flatMap(({ name, source }) => {
      if ("signal" in source) return [];
      const query: AskedQuery =
        "histogram" in source ? { query: source.histogram, bucketLabel: "le" } : { query: source.query };
      const labels = { class: one.name, signal: name };
      return [{ title: `${one.name}'s ${name}`, series: "classSignal", labels, query, mayBeEmpty: true }];
    }),
  );
  return [...ofNetwork, ...ofClasses];
}

class Poller {
  readonly #options: Options;
  readonly #sink: SampleSink;
  readonly #queries: readonly Polled[];
  /** By title. */
  readonly #present = new Map<string, ReadonlySet<SeriesId>>();
  readonly #known = new Map<string, SeriesId>();
  #said = "";

  constructor(options: Options, sink: SampleSink) {
    this.#options = options;
    this.#sink = sink;
    this.#queries = polled(options);
  }

  async run(stopped: AbortSignal): Promise<void> {
    const { clock, intervalMs, random } = this.#options;
    this.#say({ state: "starting" });
    while (!stopped.aborted) {
      const startedMs = clock.now();
      const status = await this.#poll(stopped);
      if (stopped.aborted) return;
      this.#say(status);
      const waitMs = {
        synced: intervalMs,
        silent: intervalMs,
        // Spread, so that controllers that share a struggling server do not all come back at once.
        down: intervalMs * (1 + random() / 4),
        refused: refusedRetryMs,
      }[status.state];
      await sleep(clock, Math.max(0, startedMs + waitMs - clock.now()), stopped);
    }
  }

  async #poll(stopped: AbortSignal): Promise<TargetStatus & { state: "synced" | "silent" | "down" | "refused" }> {
    const access = await attempt(() => this.#access());
    if (!access.ok) return { state: "refused", reason: access.failure.message, ...mendOf(access.failure) };
    const answers = await Promise.all(
      this.#queries.map(async (asked) => {
        const answer = await this.#ask(asked.query, access.value, stopped);
        const notes = answer.ok && !stopped.aborted ? this.#hand(asked, answer.value) : [];
        return { ...asked, name: asked.title, answer, notes };
      }),
    );
    const failures = answers.flatMap(({ name, answer }) => (answer.ok ? [] : [{ name, failure: answer.failure }]));
    const reasons = [
      ...failures.map(({ name, failure }) => `${name}: ${failure.message}`),
      ...answers.flatMap(({ name, notes }) => notes.map((note) => `${name}: ${note}`)),
    ];
    const reason = reasons.length > 0 ? { reason: reasons.join("; ") } : {};
    const [failed] = failures;
    if (failed) {
      const refused = failures.some(({ failure }) => failure.retry === "never");
      return { state: refused ? "refused" : "down", ...reason, ...mendOf(failed.failure) };
    }
    const useless = answers.find(
      ({ answer, mayBeEmpty }) =>
        !mayBeEmpty && answer.ok && answer.value.readings.every(({ value }) => value === undefined),
    );
    if (!useless) return { state: "synced", ...reason };
    const mend = `check telemetry.prometheus.queries.${useless.name}: its query and its labels`;
    return { state: "silent", ...reason, mend };
  }

  /** What a poll needs beyond its query. Throws Failure. */
  async #access(): Promise<{ headers: Record<string, string>; ca: Buffer | undefined }> {
    const { access, resolveSecret } = this.#options;
    const headers: Record<string, string> = {};
    if (access.bearerToken) headers.Authorization = `Bearer ${await resolveSecret(access.bearerToken)}`;
    if (access.ca === undefined) return { headers, ca: undefined };
    try {
      return { headers, ca: await readFile(access.ca) };
    } catch (error) {
      const said = (error as Error).message;
      throw new Failure("TELEMETRY_FAILED", `the certificate authority ${access.ca} cannot be read: ${said}`, {
        mend: "name a readable PEM file in telemetry.prometheus.ca",
      });
    }
  }

  /**
   * The library carries the request; the answer is taken from the response as it came, because the library reads +Inf as
   * NaN, drops warnings, and calls a page of HTML a network error. What it throws may hold the request's headers, token
   * included, so none of it is kept but code and message.
   */
  async #ask(
    query: AskedQuery,
    { headers, ca }: { headers: Record<string, string>; ca: Buffer | undefined },
    stopped: AbortSignal,
  ): Promise<Result<PromqlAnswer>> {
    const { access, clock, intervalMs } = this.#options;
    const timeout = new AbortController();
    const cancelTimeout = clock.after(timeoutMs, () => timeout.abort());
    let answer: Result<PromqlAnswer> | undefined;
    const driver = new PrometheusDriver({
      endpoint: access.url,
      headers,
      timeout: timeoutMs,
      preferPost: true,
      requestInterceptor: {
        onFulfilled: (request) => {
          (request.data as URLSearchParams).set("lookback_delta", `${(lookbackIntervals * intervalMs) / 1000}s`);
          return Object.assign(request, {
            signal: AbortSignal.any([timeout.signal, stopped]),
            // A connection per poll: a kept one that the server has closed since would fail the next poll.
            httpAgent: new HttpAgent({ keepAlive: false }),
            httpsAgent: new HttpsAgent({ keepAlive: false, ...(ca === undefined ? {} : { ca }) }),
            // Nothing but the inventory says where the token goes.
            proxy: false as const,
            maxRedirects: 0,
            maxContentLength: maxAnswerBytes,
            validateStatus: () => true,
          });
        },
      },
      responseInterceptor: {
        onFulfilled: (response) => {
          answer = readAnswer(response.status, response.data, query, clock.now());
          return response;
        },
      },
    });
    try {
      await driver.instantQuery(query.query, new Date(clock.now()));
    } catch (thrown) {
      if (!answer) return { ok: false, failure: unanswered(thrown, timeout.signal.aborted) };
    } finally {
      cancelTimeout();
    }
    assert(answer, "an answered query was read");
    return answer;
  }

  #hand({ title, series: name, labels: of }: Polled, { readings, notes }: PromqlAnswer): readonly string[] {
    const receivedMs = this.#options.clock.now();
    const present = new Set<SeriesId>();
    let tooMany = 0;
    for (const { labels, value, sourceMs } of readings) {
      const series = this.#intern(name, { ...of, ...labels });
      if (series === undefined) tooMany++;
      else {
        present.add(series);
        if (value !== undefined) this.#sink.number(series, value, sourceMs, receivedMs);
      }
    }
    for (const series of this.#present.get(title) ?? []) if (!present.has(series)) this.#sink.gone(series, receivedMs);
    this.#present.set(title, present);
    return tooMany === 0 ? notes : [...notes, `${tooMany} refused: more than ${maxSeries} series`];
  }

  #intern(name: string, labels: Readonly<Record<string, string>>): SeriesId | undefined {
    const key = JSON.stringify([name, labels]);
    const known = this.#known.get(key);
    if (known !== undefined || this.#known.size >= maxSeries) return known;
    const series = this.#options.table.intern({ target, name, labels });
    this.#known.set(key, series);
    return series;
  }

  #say(status: TargetStatus): void {
    const text = `${status.state} ${status.reason ?? ""}`;
    if (text === this.#said) return;
    this.#said = text;
    this.#sink.target(target, status, this.#options.clock.now());
  }
}

/** The library throws plain objects. */
function unanswered(thrown: unknown, timedOut: boolean): Failure {
  const { error, code } = Object(thrown) as { error?: unknown; code?: unknown };
  const said = [code, error].filter((part) => typeof part === "string").join(": ") || "no answer";
  return new Failure("TELEMETRY_FAILED", timedOut ? `no answer within ${timeoutMs / 1000} s` : said, {
    retry: "later",
    mend: "check telemetry.prometheus.url and that the server is up",
  });
}
