import type { SimulatedRouter } from "./router.ts";
import { demands, entryOf, links } from "./world.ts";

/** Traffic of the simulated network: each prefix enters by the link that announces it with the fewest prepends. */
export class Traffic {
  /** Bit/s offered, by prefix. */
  readonly offered = new Map([...demands].map(([prefix, [base = 0]]) => [prefix, base]));
  /** Octets in since the start or the router's last reboot, by link. */
  readonly octets = new Map(links.map(({ name }) => [name, 0]));
  /** Bit/s delivered now, by link and prefix; a link that is full cuts all it carries alike. */
  readonly rates = new Map<string, Map<string, number>>();
  readonly #routers: ReadonlyMap<string, SimulatedRouter>;
  #untilMs: number;

  constructor(routers: ReadonlyMap<string, SimulatedRouter>, nowMs: number) {
    this.#routers = routers;
    this.#untilMs = nowMs;
    this.change(nowMs);
  }

  /** Counts what has come in so far, at the rates there were. */
  advance(nowMs: number): void {
    const seconds = (nowMs - this.#untilMs) / 1000;
    this.#untilMs = nowMs;
    for (const [link, octets] of this.octets) this.octets.set(link, octets + (this.rateOf(link) * seconds) / 8);
  }

  rateOf(link: string): number {
    let sum = 0;
    for (const rate of this.rates.get(link)?.values() ?? []) sum += rate;
    return sum;
  }

  /** What is announced or offered has changed. */
  change(nowMs: number): void {
    this.advance(nowMs);
    const announced = new Map(
      links.map(({ name, device }) => [name, this.#routers.get(device)?.announced() ?? new Map()]),
    );
    for (const { name } of links) this.rates.set(name, new Map());
    for (const [prefix, rate] of this.offered) {
      const entry = entryOf(prefix, announced);
      if (entry !== undefined) this.rates.get(entry)?.set(prefix, rate);
    }
    for (const { name, capacity } of links) {
      const offered = this.rateOf(name);
      const entering = this.rates.get(name);
      if (offered > capacity)
        for (const [prefix, rate] of entering ?? []) entering?.set(prefix, (rate * capacity) / offered);
    }
  }
}
