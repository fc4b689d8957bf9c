import type { Clock } from "../../src/kernel/clock.ts";
import { type SampleSink, SeriesTable } from "../../src/model/sample.ts";
import { NetworkFold } from "../../src/state/network-fold.ts";
import type { Faults } from "./faults.ts";
import type { Trace } from "./trace.ts";
import type { Traffic } from "./traffic.ts";
import { intervalMs, links, network } from "./world.ts";

/** A sample of one link's inbound rate as a life of the controller got it. Times are ms; `stampMs` is the source's. */
export type Delivery = Readonly<{ link: string; deliveredMs: number; stampMs: number }>;

/** What one life of the controller has been told. */
export class Telemetry {
  readonly fold: NetworkFold;
  readonly deliveries: Delivery[] = [];
  readonly #ids: ReadonlyMap<string, number>;

  constructor() {
    const table = new SeriesTable();
    this.fold = new NetworkFold(network, table);
    const ids = new Map<string, number>();
    for (const { name, device, interface: port } of network.links) {
      const labels = { "interface.name": port };
      ids.set(`octets ${name}`, table.intern({ target: device, name: `${counters}in-octets`, labels }));
      ids.set(`rate ${name}`, table.intern({ target: "prometheus", name: "linkInbound", labels: { link: name } }));
      for (const prefix of network.prefixes) {
        const series = { target: "prometheus", name: "prefixInbound", labels: { link: name, prefix } };
        ids.set(`rate ${prefix} ${name}`, table.intern(series));
      }
    }
    this.#ids = ids;
  }

  take({ source, samples, stampMs }: Batch, nowMs: number): void {
    const sink: SampleSink = this.fold;
    sink.target(source, { state: "synced" }, nowMs);
    for (const { series, link, value } of samples) {
      const id = this.#ids.get(series);
      if (id === undefined) continue;
      sink.number(id, value, stampMs, nowMs);
      if (series === `octets ${link}` || series === `rate ${link}`) {
        this.deliveries.push({ link, deliveredMs: nowMs, stampMs });
      }
    }
  }
}

const counters = "/interfaces/interface/state/counters/";

type Sample = Readonly<{ series: string; link: string; value: number }>;
type Batch = Readonly<{ source: string; samples: readonly Sample[]; stampMs: number }>;

/** The routers' telemetry and Prometheus, one batch each an interval, on their way to whoever listens. */
export class Sources {
  readonly #parts: Readonly<{ clock: Clock; faults: Faults; trace: Trace; traffic: Traffic }>;
  readonly #deliver: (batch: Batch) => void;
  readonly #silentUntilMs = new Map<string, number>();
  readonly #skewMs = new Map<string, number>();

  constructor(
    parts: Readonly<{ clock: Clock; faults: Faults; trace: Trace; traffic: Traffic }>,
    deliver: (batch: Batch) => void,
  ) {
    this.#parts = parts;
    this.#deliver = deliver;
    const { faults } = parts;
    for (const source of sources) {
      const skewed = faults.hits("clock-skewed");
      // Mostly what a lost NTP server does; sometimes more than the policy's freshness bears.
      this.#skewMs.set(source, skewed ? (faults.random("clock-skewed") - 0.5) * 80_000 : 0);
      this.#stopNow(source, false);
    }
    this.#tick();
  }

  /** Nothing is silent or skewed any more. */
  calm(): void {
    this.#silentUntilMs.clear();
  }

  #stopNow(source: string, now: boolean): void {
    const { clock, faults, trace } = this.#parts;
    if (now && !faults.isCalm) {
      const forMs = faults.random("telemetry-stops") * 180_000;
      trace.add(source, `telemetry stops for ${Math.round(forMs / 1000)} s`);
      this.#silentUntilMs.set(source, clock.now() + forMs);
    }
    const nextMs = faults.nextMs("telemetry-stops");
    if (nextMs !== undefined) clock.after(nextMs, () => this.#stopNow(source, true));
  }

  #tick(): void {
    const { clock, traffic } = this.#parts;
    traffic.advance(clock.now());
    for (const source of sources) {
      if (clock.now() < (this.#silentUntilMs.get(source) ?? 0)) continue;
      this.#send({ source, samples: this.#read(source), stampMs: clock.now() + (this.#skewMs.get(source) ?? 0) });
    }
    clock.after(intervalMs, () => this.#tick());
  }

  #send(batch: Batch): void {
    const { clock, faults } = this.#parts;
    if (faults.hits("samples-lost")) return;
    const delayMs = faults.hits("samples-delayed") ? faults.random("samples-delayed") * 40_000 : 20;
    clock.after(delayMs, () => this.#deliver(batch));
    if (faults.hits("samples-twice")) {
      clock.after(delayMs + faults.random("samples-twice") * 20_000, () => this.#deliver(batch));
    }
  }

  #read(source: string): Sample[] {
    const { traffic } = this.#parts;
    if (source !== prometheus) {
      const at = links.filter(({ device }) => device === source);
      return at.map(({ name }) => ({
        series: `octets ${name}`,
        link: name,
        value: Math.floor(traffic.octets.get(name) ?? 0),
      }));
    }
    return links.flatMap(({ name, platform, announced }) => [
      ...(platform === "openconfig" ? [] : [{ series: `rate ${name}`, link: name, value: traffic.rateOf(name) }]),
      ...Object.keys(announced).map((prefix) => {
        return { series: `rate ${prefix} ${name}`, link: name, value: traffic.rates.get(name)?.get(prefix) ?? 0 };
      }),
    ]);
  }
}

const prometheus = "prometheus";
const sources = [...links.filter(({ platform }) => platform === "openconfig").map(({ device }) => device), prometheus];
