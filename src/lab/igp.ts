import type { DeviceName } from "../model/inventory.ts";

/** A directed link as the IGP knows it; the metric is a positive whole number. */
export type IgpLink = Readonly<{ device: DeviceName; to: DeviceName; metric: number }>;

/** One router of a leg, and the links over which it splits what it has for the leg's end, evenly. */
export type Hop<Link extends IgpLink> = Readonly<{ device: DeviceName; links: readonly Link[] }>;

/** All equally short paths from one router to another (ECMP), farthest router first. No hops: they are the same router. */
export type Leg<Link extends IgpLink> = Readonly<{ from: DeviceName; to: DeviceName; hops: readonly Hop<Link>[] }>;

/** Shortest paths of a link-state IGP. Written apart from the controller's own on purpose, so that the lab can prove it wrong. */
export class Igp<Link extends IgpLink> {
  readonly #links: readonly Link[];
  readonly #legs = new Map<string, Leg<Link> | undefined>();

  constructor(links: readonly Link[]) {
    this.#links = links;
  }

  /** Undefined when there is no path. */
  leg(from: DeviceName, to: DeviceName): Leg<Link> | undefined {
    const key = JSON.stringify([from, to]);
    if (!this.#legs.has(key)) this.#legs.set(key, this.#find(from, to));
    return this.#legs.get(key);
  }

  #find(from: DeviceName, to: DeviceName): Leg<Link> | undefined {
    const distances = this.#distancesTo(to);
    const distance = (device: DeviceName) => distances.get(device) ?? Number.POSITIVE_INFINITY;
    if (distance(from) === Number.POSITIVE_INFINITY) return undefined;
    const onTheWay = new Set([from]);
    const hops: Hop<Link>[] = [];
    // Metrics are positive, so everything that leads to a router is farther away than it.
    for (const device of [...distances.keys()].sort((a, b) => distance(b) - distance(a))) {
      if (!onTheWay.has(device) || device === to) continue;
      const links = this.#links.filter(
        (link) => link.device === device && link.metric + distance(link.to) === distance(device),
      );
      for (const link of links) onTheWay.add(link.to);
      hops.push({ device, links });
    }
    return { from, to, hops };
  }

  /** Bellman-Ford: no router is more links away than there are routers. */
  #distancesTo(to: DeviceName): ReadonlyMap<DeviceName, number> {
    const distances = new Map([[to, 0]]);
    for (let changed = true; changed; ) {
      changed = false;
      for (const link of this.#links) {
        const over = link.metric + (distances.get(link.to) ?? Number.POSITIVE_INFINITY);
        if (over >= (distances.get(link.device) ?? Number.POSITIVE_INFINITY)) continue;
        distances.set(link.device, over);
        changed = true;
      }
    }
    return distances;
  }
}
