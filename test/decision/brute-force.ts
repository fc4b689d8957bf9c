import type { Intent } from "../../src/model/decision.ts";
import type { PrependPolicy } from "../../src/model/policy.ts";
import { announce, networkOf, policyOf, relieveA, stateOf, transit } from "../te/two-transits.ts";

/**
 * A small network in whole Mbit/s, and every assignment of prepends tried on a model of its own, to hold the search
 * against. Link failures are left out: how far a raised announcement ends matters to them, and to nothing else.
 */
export type Small = Readonly<{
  links: readonly Readonly<{ capacity: number; price: number; background: number; edge: number }>[];
  prefixes: readonly Readonly<{
    /** By link; null is not announced there. */
    prepends: readonly (number | null)[];
    rate: number;
    allowed: boolean;
  }>[];
  objective: "cost" | "balance";
  maxPrepends: number;
  maxDevices: number;
  maxMoved: number;
}>;

const target = 0.75;
const nameOf = (link: number) => `t${link}`;
const prefixOf = (prefix: number) => `10.0.${prefix}.0/24`;

/** The links in a tie share a prefix's traffic evenly, to the Mbit/s. */
function entering(prepends: readonly (number | null)[], rate: number): number[] {
  const fewest = Math.min(...prepends.map((count) => count ?? 99));
  const best = prepends.flatMap((count, link) => (count === fewest ? [link] : []));
  const shares = prepends.map(() => 0);
  for (const [i, link] of best.entries()) shares[link] = Math.floor((rate + i) / best.length);
  return shares;
}

/** Mbit/s on a link as it is. */
export function loadOn({ links, prefixes }: Small, link: number): number {
  return prefixes.reduce(
    (sum, { prepends, rate }) => sum + (entering(prepends, rate)[link] ?? 0),
    links[link]?.background ?? 0,
  );
}

export function inputOf(small: Small, survive = false) {
  const links = small.links.map(({ capacity, price, edge }, i) => {
    return transit(nameOf(i), capacity, price * 0.73, `edge-${edge}`);
  });
  const rates = small.prefixes.flatMap(({ prepends, rate }, p) =>
    entering(prepends, rate).flatMap((share, link) => (share > 0 ? [[prefixOf(p), nameOf(link), share] as const] : [])),
  );
  const measured = small.links.map((_, i) => [nameOf(i), loadOn(small, i)] as const);
  const table = small.prefixes.map(({ prepends }, p) => {
    const on = prepends.flatMap((count, link) => (count === null ? [] : [[nameOf(link), count] as const]));
    return [prefixOf(p), Object.fromEntries(on)] as const;
  });
  const allowed = small.prefixes.flatMap((prefix, p) => (prefix.allowed ? [prefixOf(p)] : []));
  const { objective, maxPrepends, maxDevices, maxMoved } = small;
  const policy: PrependPolicy = policyOf({
    decide: { objective, maxPrepends, target },
    guard: { maxDevices, maxTrafficMoved: maxMoved, surviveAnyLinkFailure: survive },
  });
  const intent: Intent = { ...relieveA, target: nameOf(0) };
  const state = stateOf(links, rates, Object.fromEntries(measured));
  return {
    intent,
    policy,
    network: networkOf(links, allowed),
    state,
    announcements: announce(links, Object.fromEntries(table)),
    unlisted: [],
  };
}

type Option = Readonly<{ changed: readonly number[]; delta: readonly number[]; moved: number; cost: number }>;
export type Best = Readonly<{ count: number; objective: number; moved: number }>;

/** The fewest changes, then the best objective, then the least moved; undefined when no assignment is allowed. */
export function bruteForce(small: Small): Best | "within-target" | undefined {
  const shares = small.prefixes.map(({ prepends, rate }) => entering(prepends, rate));
  const measured = small.links.map((_, i) => loadOn(small, i));
  const factor = measured.map((load, i) => (load >= 0.98 * (small.links[i]?.capacity ?? 0) ? 1.25 : 1));
  const loads = measured.map((load, i) => load * (factor[i] ?? 1));
  const targets = small.links.map((link) => link.capacity * target);
  if ((loads[0] ?? 0) <= (targets[0] ?? 0)) return "within-target";
  const options = small.prefixes.map((_, p) => optionsOf(small, p, shares[p] ?? [], factor));
  const all = bestWithin(small, options, loads, targets, measured);
  const othersOver = loads.some((load, i) => i > 0 && load > (targets[i] ?? 0));
  if (all || !othersOver) return all;
  const alone = targets.map((limit, i) => (i === 0 ? limit : Math.max(limit, loads[i] ?? 0)));
  return bestWithin(small, options, loads, alone, measured);
}

function optionsOf(small: Small, p: number, shares: readonly number[], factor: readonly number[]): Option[] {
  const prefix = small.prefixes[p];
  const stay = { changed: [], delta: small.links.map(() => 0), moved: 0, cost: 0 };
  if (!prefix?.allowed) return [stay];
  const options: Option[] = [stay];
  const tryAll = (link: number, now: readonly (number | null)[]) => {
    if (link < now.length) {
      const own = prefix.prepends[link] ?? null;
      tryAll(link + 1, now);
      if (own === null || own > small.maxPrepends) return;
      for (let to = 0; to <= small.maxPrepends; to++) {
        if (to !== own)
          tryAll(
            link + 1,
            now.map((count, i) => (i === link ? to : count)),
          );
      }
      return;
    }
    const changed = now.flatMap((count, i) => (count === prefix.prepends[i] ? [] : [i]));
    const fewest = Math.min(...now.map((count) => count ?? 99));
    const winners = now.flatMap((count, i) => (count === fewest ? [i] : []));
    const [to] = winners;
    if (changed.length === 0 || winners.length !== 1 || to === undefined) return;
    const delta = shares.map((share, i) => (i === to ? 0 : -share * (factor[i] ?? 1)));
    delta[to] = -delta.reduce((sum, change) => sum + change, 0);
    const price = (i: number) => small.links[i]?.price ?? 0;
    const cost = shares.reduce((sum, share, i) => sum + (share * (price(to) - price(i))) / 1_000, 0);
    options.push({ changed, delta, moved: prefix.rate - (shares[to] ?? 0), cost });
  };
  tryAll(0, prefix.prepends);
  // Only the links changed and where the traffic goes matter here.
  const distinct = new Map(options.map((option) => [JSON.stringify([option.changed, option.delta]), option]));
  return [...distinct.values()];
}

function bestWithin(
  small: Small,
  options: readonly (readonly Option[])[],
  loads: readonly number[],
  limits: readonly number[],
  measured: readonly number[],
): Best | undefined {
  const maxMoved = small.maxMoved * measured.reduce((sum, load) => sum + load, 0);
  let best: Best | undefined;
  const judge = (chosen: readonly Option[]) => {
    const after = loads.map((load, i) => chosen.reduce((sum, option) => sum + (option.delta[i] ?? 0), load));
    if (after.some((load, i) => load > (limits[i] ?? 0) + 1e-6)) return;
    const moved = chosen.reduce((sum, option) => sum + option.moved, 0);
    const edges = new Set(chosen.flatMap((option) => option.changed.map((link) => small.links[link]?.edge)));
    if (moved > maxMoved + 1e-6 || edges.size > small.maxDevices) return;
    const count = chosen.reduce((sum, option) => sum + option.changed.length, 0);
    const cost = chosen.reduce((sum, option) => sum + option.cost, 0);
    const fullest = Math.max(...after.map((load, i) => load / (small.links[i]?.capacity ?? 1)));
    const objective = small.objective === "cost" ? cost : fullest;
    const apart = best ? [objective - best.objective, moved - best.moved] : [-1];
    const first = apart.find((difference) => Math.abs(difference) > 1e-7) ?? 0;
    if (first < 0) best = { count, objective, moved };
  };
  /** Every choice that makes exactly `left` changes to the prefixes from `p` on. */
  const visit = (p: number, left: number, chosen: readonly Option[]) => {
    const choices = options[p];
    if (choices) {
      for (const choice of choices) {
        const used = choice.changed.length;
        if (used <= left) visit(p + 1, left - used, used === 0 ? chosen : [...chosen, choice]);
      }
    } else if (left === 0) judge(chosen);
  };
  const most = small.links.length * small.prefixes.length;
  for (let count = 0; count <= most && best === undefined; count++) visit(0, count, []);
  return best;
}

/** Money per hour or the fullest link, from what a decision says it did; in the brute force's terms. */
export function achieved(small: Small, changes: readonly { prefix: string; link: string; to: number }[]): Best {
  const shares = small.prefixes.map(({ prepends, rate }) => entering(prepends, rate));
  const after = small.prefixes.map(({ prepends, rate }, p) => {
    const own = changes.filter((change) => change.prefix === prefixOf(p));
    if (own.length === 0) return shares[p] ?? [];
    return entering(
      prepends.map((count, i) => own.find((change) => change.link === nameOf(i))?.to ?? count),
      rate,
    );
  });
  const measured = small.links.map((_, i) => loadOn(small, i));
  const factor = measured.map((load, i) => (load >= 0.98 * (small.links[i]?.capacity ?? 0) ? 1.25 : 1));
  const loads = measured.map((load, i) => load * (factor[i] ?? 1));
  let [moved, cost] = [0, 0];
  for (const [p, before] of shares.entries()) {
    const now = after[p] ?? [];
    const left = before.map((share, i) => Math.max(0, share - (now[i] ?? 0)));
    const total = left.reduce((sum, share) => sum + share, 0);
    const to = now.findIndex((share, i) => share > (before[i] ?? 0));
    if (to < 0) continue;
    moved += total;
    for (const [i, share] of left.entries()) {
      loads[i] = (loads[i] ?? 0) - share * (factor[i] ?? 1);
      loads[to] = (loads[to] ?? 0) + share * (factor[i] ?? 1);
      cost += (share * ((small.links[to]?.price ?? 0) - (small.links[i]?.price ?? 0))) / 1_000;
    }
  }
  const fullest = Math.max(...loads.map((load, i) => load / (small.links[i]?.capacity ?? 1)));
  return { count: changes.length, objective: small.objective === "cost" ? cost : fullest, moved };
}
