import { assert } from "../../kernel/assert.ts";
import { formatPercent } from "../../kernel/units.ts";
import type { PrependChange } from "../../model/decision.ts";
import type { DeviceName, LinkName, Prefix } from "../../model/inventory.ts";
import { anycastServiceOf } from "../../model/scope.ts";
import { entryLinks, linksWithoutMore } from "../../te/bgp-preference.ts";
import type { Task } from "./task.ts";

/** One way to make all traffic of one prefix enter by `target`. */
export type Move = Readonly<{ prefix: Prefix; target: LinkName; changes: readonly PrependChange[] }>;

export type Moves = Readonly<{
  moves: readonly Move[];
  /** Prefixes that carry traffic and cannot be moved at all, with the reason. */
  immovable: ReadonlyMap<Prefix, string>;
}>;

/**
 * Traffic that this share of does not enter by the prefix's best announcements is steered by something else (local
 * preference, a more specific announcement elsewhere): prepends would not move it, so it is left alone.
 */
const strays = 0.1;

/** Every useful move: each moves its prefix to one link by a strict win, with no more prepends than the win needs. */
export function possibleMoves({ policy, network, traffic, standing }: Task): Moves {
  const allowed = new Set(network.prefixes);
  const deviceOf = new Map(traffic.links.map((link) => [link.name, link.device]));
  const moves: Move[] = [];
  const immovable = new Map<Prefix, string>();
  for (const [prefix, entering] of traffic.rates) {
    const limits = { maxPrepends: policy.decide.maxPrepends, deviceOf, stood: standing.get(prefix) };
    const total = sum(entering.values());
    if (total === 0) continue;
    const prepends = traffic.announced.get(prefix);
    const best = entryLinks(prepends);
    const service = anycastServiceOf(network, prefix);
    const follows = sum(best.map((link) => entering.get(link) ?? 0));
    if (service) {
      immovable.set(
        prefix,
        `${prefix} is the anycast service ${service.name}'s: only the health of its sites moves it`,
      );
    } else if (!prepends) {
      immovable.set(prefix, `${prefix} is announced on no link that Pointsman reads`);
    } else if (!allowed.has(prefix)) {
      immovable.set(prefix, `${prefix} is not on the allow-list`);
    } else if (prepends.size === 1) {
      immovable.set(prefix, `${prefix} is announced on ${best[0]} only`);
    } else if (total - follows > strays * total) {
      const share = formatPercent(1 - follows / total);
      immovable.set(
        prefix,
        `${share} of ${prefix} does not enter where it is announced best, so prepends do not steer it`,
      );
    } else {
      const found = movesOf(prefix, prepends, best, limits);
      if (found.length > 0) {
        moves.push(...found);
        continue;
      }
      const outside = [...prepends.keys()].filter((link) => !deviceOf.has(link));
      const own = new Map([...prepends].filter(([link]) => deviceOf.has(link)));
      const inTheWay = outside.length > 0 && (own.size < 2 || movesOf(prefix, own, entryLinks(own), limits).length > 0);
      immovable.set(
        prefix,
        inTheWay
          ? `${prefix} would enter by ${outside.join(" and ")}, out of the policy's scope`
          : `${prefix} would need more prepends than the ${policy.decide.maxPrepends} allowed`,
      );
    }
  }
  return { moves, immovable };
}

type Limits = Readonly<{
  maxPrepends: number;
  /** Of the links in scope. */
  deviceOf: ReadonlyMap<LinkName, DeviceName>;
  /** Prepends before any change of ours that still stands. */
  stood: ReadonlyMap<LinkName, number> | undefined;
}>;

function movesOf(
  prefix: Prefix,
  prepends: ReadonlyMap<LinkName, number>,
  best: readonly LinkName[],
  { maxPrepends, deviceOf, stood }: Limits,
): Move[] {
  const change = (link: LinkName, to: number): PrependChange => {
    const device = deviceOf.get(link);
    assert(device !== undefined, "only links in scope are changed");
    return { action: "bgp-prepend", device, link, prefix, from: prepends.get(link) ?? 0, to };
  };
  // What is out of scope, or already over the cap by someone else's hand, is not ours to touch: it could not be put back.
  const ours = (link: LinkName) => deviceOf.has(link) && (prepends.get(link) ?? 0) <= maxPrepends;

  const found: Move[] = [];
  for (const [target, now] of prepends) {
    if (!deviceOf.has(target) || (best.length === 1 && best[0] === target)) continue;
    const ways: PrependChange[][] = [];
    // First with the target as it is, then with ever fewer prepends on it, which leaves fewer others to raise.
    for (let level = now; level >= 0; level--) {
      const rivals: LinkName[] = [];
      for (const [link, count] of prepends) if (link !== target && count <= level) rivals.push(link);
      const possible = rivals.length === 0 || level < maxPrepends;
      if (possible && rivals.every(ours) && (level === now || ours(target))) {
        const way = rivals.map((link) => change(link, level + 1));
        if (level < now) way.push(change(target, level));
        // Prepended on all its links, a prefix is anyone's who announces it with a shorter path.
        const after = new Map([...prepends, ...way.map(({ link, to }) => [link, to] as const)]);
        if (linksWithoutMore(after, stood).length > 0) ways.push(way);
      }
      if (rivals.length === 0) break;
    }
    // A way that changes all that another does and more is no better; of two that change the same, the first changes less.
    const includes = (way: PrependChange[], other: PrependChange[]) =>
      other.every(({ link }) => way.some((change) => change.link === link));
    const useful =
      ways.length === 1
        ? ways
        : ways.filter((way, i) => {
            return !ways.some((other, j) => j !== i && includes(way, other) && (j < i || !includes(other, way)));
          });
    for (const changes of useful) {
      found.push({ prefix, target, changes: changes.sort((a, b) => (a.link < b.link ? -1 : 1)) });
    }
  }
  return found;
}

const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);
