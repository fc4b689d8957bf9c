import { z } from "zod";
import { assert } from "../kernel/assert.ts";
import { type Clock, sleep } from "../kernel/clock.ts";
import { formatMs } from "../kernel/units.ts";
import type { AnycastService, AnycastSite } from "../model/inventory.ts";
import type { SampleSink, SeriesTable, TargetStatus, TelemetrySource } from "../model/sample.ts";
import { type Answer, ask } from "./http-ask.ts";

type Options = Readonly<{ service: AnycastService; table: SeriesTable; intervalMs: number; clock: Clock }>;

/** A round waits for its slowest answer. Later than twice what is allowed is as good as never, but a connection takes its time. */
const timeoutOf = ({ maxLatencyMs }: AnycastService) => Math.min(10_000, Math.max(1_000, 2 * maxLatencyMs));

/** Printable: it is shown to people, in reasons. */
const version = z.string().regex(/^[^\p{C}]{1,128}$/u);
const Registry = z.object({ version });
const Health = z.object({ version, answer: z.string().exactOptional() });

/**
 * Asks the registry which version is to be served, and every site what it serves: once an interval, all at the same time.
 * Shape:  GET of either, `{ "version": "llama-8" }`; with a golden prompt each site gets POST `{ "prompt": … }`, and answers
 *         `{ "version": "llama-8", "answer": "4" }`. Other fields are ignored.
 * Gives:  `site.unwell` 0 or 1, with `site.reason` and (ms) `site.latency`, as of the round's start. A site is not well when it does not
 *         answer, answers too late, gives the wrong golden answer, or serves another version than the registry's.
 * Nothing is said of a site where it is not known: of one that is well in all else while the registry is silent, and of any
 * while none answers, even if the registry does: we look from one place, and it may have lost the way to all of them.
 * Status: of target `anycast <service>`: `synced`, or `down` while the registry or every site is silent.
 */
export function siteProbe(options: Options): TelemetrySource {
  const stopped = new AbortController();
  let running: Promise<void> | undefined;
  return {
    start(sink) {
      assert(!running, "a telemetry source starts once");
      running = new Prober(options, sink).run(stopped.signal);
    },
    async stop() {
      stopped.abort();
      await running;
    },
  };
}

/** What one site said; `wrong` is what is wrong with it whatever its version. */
type Probe = Readonly<{ site: AnycastSite; silent: boolean; wrong?: string; version?: string; tookMs?: number }>;

class Prober {
  readonly #options: Options;
  readonly #sink: SampleSink;
  readonly #target: string;
  #said = "";

  constructor(options: Options, sink: SampleSink) {
    this.#options = options;
    this.#sink = sink;
    this.#target = `anycast ${options.service.name}`;
  }

  async run(stopped: AbortSignal): Promise<void> {
    const { clock, intervalMs } = this.#options;
    this.#say({ state: "starting" });
    while (!stopped.aborted) {
      const startedMs = clock.now();
      await this.#round(startedMs, stopped);
      await sleep(clock, Math.max(0, startedMs + intervalMs - clock.now()), stopped);
    }
  }

  async #round(startedMs: number, stopped: AbortSignal): Promise<void> {
    const { service } = this.#options;
    const [expected, ...probes] = await Promise.all([
      this.#expected(stopped),
      ...service.sites.map((site) => this.#probe(site, stopped)),
    ]);
    if (stopped.aborted) return;
    if (probes.every(({ silent }) => silent)) {
      const registry = expected.wrong === undefined ? "the registry does" : `the registry ${expected.wrong}`;
      const reason = `no site answers, so nothing is known of any; ${registry}`;
      return this.#say({ state: "down", reason, mend: "check this machine's own way to the sites, then the sites" });
    }
    for (const probe of probes) {
      const wrong = probe.wrong ?? staleness(probe, expected.version);
      if (wrong !== undefined) this.#tell(probe, 1, wrong, startedMs);
      else if (expected.version !== undefined) this.#tell(probe, 0, `serves ${expected.version}`, startedMs);
    }
    if (expected.wrong === undefined) return this.#say({ state: "synced" });
    const mend = `check that ${service.registry} answers with { "version": … }`;
    this.#say({ state: "down", reason: `the registry ${expected.wrong}`, mend });
  }

  async #expected(stopped: AbortSignal): Promise<Omit<Probe, "site">> {
    const { clock, service } = this.#options;
    return read(Registry, await ask(service.registry, { clock, timeoutMs: timeoutOf(service), stopped }));
  }

  async #probe(site: AnycastSite, stopped: AbortSignal): Promise<Probe> {
    const { clock, service } = this.#options;
    const { golden, maxLatencyMs } = service;
    const body = golden && { body: { prompt: golden.prompt } };
    const answer = await ask(site.probe, { clock, timeoutMs: timeoutOf(service), stopped, ...body });
    const { answer: said, ...seen } = read(Health, answer);
    const { wrong, tookMs = 0 } = seen;
    if (wrong !== undefined) return { site, ...seen };
    if (golden && said !== golden.answer) return { site, ...seen, wrong: "its answer to the golden prompt is wrong" };
    if (tookMs <= maxLatencyMs) return { site, ...seen };
    return { site, ...seen, wrong: `answered in ${formatMs(tookMs)}, over ${formatMs(maxLatencyMs)}` };
  }

  #tell({ site, tookMs }: Probe, unwell: 0 | 1, reason: string, sourceMs: number): void {
    const { table, clock } = this.#options;
    const nowMs = clock.now();
    const series = (name: string) => table.intern({ target: this.#target, name, labels: { site: site.name } });
    this.#sink.text(series("site.reason"), reason, sourceMs, nowMs);
    if (tookMs !== undefined) this.#sink.number(series("site.latency"), tookMs, sourceMs, nowMs);
    this.#sink.number(series("site.unwell"), unwell, sourceMs, nowMs);
  }

  #say(status: TargetStatus): void {
    const text = `${status.state} ${status.reason ?? ""}`;
    if (text === this.#said) return;
    this.#said = text;
    this.#sink.target(this.#target, status, this.#options.clock.now());
  }
}

function staleness({ version: served }: Probe, expected: string | undefined): string | undefined {
  if (expected === undefined || served === expected) return undefined;
  return `serves ${served} while the registry says ${expected}`;
}

type Said = Readonly<{ version: string; answer?: string }>;

function read(schema: z.ZodType<Said>, answer: Answer): Omit<Probe, "site"> & Partial<Said> {
  if (answer.kind !== "read") return { silent: answer.kind === "silent", wrong: answer.why };
  const { text, tookMs } = answer;
  const said = schema.safeParse(jsonOf(text));
  if (said.success) return { silent: false, tookMs, ...said.data };
  return { silent: false, tookMs, wrong: "answers with something else than JSON with a version" };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
