import type { SiteHealth } from "../model/anycast.ts";
import type { AnycastService, SiteName } from "../model/inventory.ts";
import type { Series } from "../model/sample.ts";
import type { Measured } from "../model/signal.ts";

const parts = { "site.unwell": 0, "site.latency": 1, "site.reason": 2 } as const;
const ways = Object.keys(parts).length;

/** What probes of anycast sites said last: `site.reason` and `site.latency` come before the `site.unwell` that they belong to. */
export class SiteSamples {
  readonly #names: readonly SiteName[];
  readonly #next: { reason: string; latencyMs?: number }[];
  readonly #known = new Map<SiteName, SiteHealth>();

  constructor(services: readonly AnycastService[]) {
    this.#names = services.flatMap(({ sites }) => sites.map(({ name }) => name));
    this.#next = this.#names.map(() => ({ reason: "" }));
  }

  /** A slot for `number` and `text`; undefined when the inventory has no such site, or it is not a series of sites. */
  place({ name, labels }: Series): number | undefined {
    const site = this.#names.indexOf(labels.site ?? "");
    return site < 0 || !Object.hasOwn(parts, name) ? undefined : site * ways + parts[name as keyof typeof parts];
  }

  /** Whether what is known has changed. A latency is in milliseconds. */
  number(slot: number, value: number, sourceMs: number): boolean {
    const site = Math.floor(slot / ways);
    const [next, name] = [this.#next[site], this.#names[site]];
    if (!next || name === undefined) return false;
    if (slot % ways === parts["site.latency"]) {
      next.latencyMs = value;
      return false;
    }
    this.#next[site] = { reason: "" };
    if (sourceMs <= (this.#known.get(name)?.measuredMs ?? Number.NEGATIVE_INFINITY)) return false;
    this.#known.set(name, { ...next, well: value === 0, measuredMs: sourceMs });
    return true;
  }

  text(slot: number, value: string): void {
    const next = this.#next[Math.floor(slot / ways)];
    if (next && slot % ways === parts["site.reason"]) next.reason = value;
  }

  health(): ReadonlyMap<SiteName, SiteHealth> {
    return new Map(this.#known);
  }

  /** `site.unwell`: a probe is a reading of one moment. */
  unwell(): ReadonlyMap<SiteName, Measured> {
    return new Map(
      Array.from(this.#known, ([name, { well, measuredMs: atMs }]) => [
        name,
        { value: well ? 0 : 1, fromMs: atMs, toMs: atMs },
      ]),
    );
  }
}
