import type { RouteOriginSink } from "../model/route-origins.ts";
import type { SampleSink } from "../model/sample.ts";

/** Knows how new the newest sample of each source is. */
export class SampleAges {
  readonly #bySource = new Map<string, { newestMs: number }>();
  /** Of RPKI caches, each by itself, as they come from one source. */
  readonly #byCache = new Map<string, number>();

  /** For one source, which tells its name as a target, or those of its caches: what it says goes on to `sink`. */
  sink(sink: SampleSink & RouteOriginSink): SampleSink & RouteOriginSink {
    const age = { newestMs: Number.NEGATIVE_INFINITY };
    // A router's clock that is ahead must not make its samples new for ever.
    const seen = (sourceMs: number, receivedMs: number) => {
      const atMs = sourceMs < receivedMs ? sourceMs : receivedMs;
      if (atMs > age.newestMs) age.newestMs = atMs;
    };
    return {
      number: (series, value, sourceMs, receivedMs) => {
        seen(sourceMs, receivedMs);
        sink.number(series, value, sourceMs, receivedMs);
      },
      text: (series, value, sourceMs, receivedMs) => {
        seen(sourceMs, receivedMs);
        sink.text(series, value, sourceMs, receivedMs);
      },
      routeOrigins: (known) => {
        if (known) this.#byCache.set(known.cache, known.measuredMs);
        sink.routeOrigins(known);
      },
      gone: (series, receivedMs) => sink.gone(series, receivedMs),
      target: (name, status, atMs) => {
        this.#bySource.set(name, age);
        sink.target(name, status, atMs);
      },
    };
  }

  /** Milliseconds since the epoch by the source's clock, but never after the sample came; undefined before the first. */
  newestMs(source: string): number | undefined {
    const newestMs = this.#byCache.get(source) ?? this.#bySource.get(source)?.newestMs;
    return newestMs === undefined || newestMs === Number.NEGATIVE_INFINITY ? undefined : newestMs;
  }
}
