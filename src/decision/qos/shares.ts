import { bitsPerSecond } from "../../kernel/units.ts";
import { type ClassShare, controlShare } from "../../model/decision.ts";
import type { ServedClass } from "../../model/inventory.ts";
import {
  allOfIt,
  type ClassLoad,
  down,
  floorOf,
  isCapped,
  isPremium,
  type QosInterface,
  servedBy,
  up,
} from "../../te/class-queues.ts";
import { hiddenDemand } from "../../te/link-limits.ts";

/** A class that is shaped to less than it offers, in bit/s. */
export type Held = Readonly<{ class: string; offered: number; to: number }>;

/** The queues of one interface, who is held back for them, and which classes all the same get less than they offer. */
export type Plan = Readonly<{ shares: readonly ClassShare[]; held: readonly Held[]; short: readonly string[] }>;

/** Why queues cannot do it: what goes first is too much, or others' floors leave too little. In bit/s. */
export type TooMuch = Readonly<{ offered: number; allowed: number; because: "target" | "floors" }>;

/** Over what a class offers, as what a full line drops makes its senders send less; what is there already does with a tenth. */
const [headroom, enough] = [hiddenDemand, 1.1];

/**
 * The smallest set of shares that serves `one`: it and those served before it are sure of what they offer and some more, all
 * others of their floor. Only where the line does not carry all is anybody held back, in the order in which `one` sheds:
 * each down to its floor before the next, the last only as far as needed. Priority alone would serve the others as well;
 * a ceiling says who is to offer less, and applications hear of it.
 */
export function planShares(one: ServedClass, iface: QosInterface, target: number): Plan | TooMuch {
  const found = guaranteesFor(one, iface, target);
  if ("because" in found) return found;
  const guarantees: readonly number[] = found;
  const { loads, link, shares } = iface;
  const most = down(link.capacity);
  const sheds = one.service.sheds.flatMap((name) => loads.filter((load) => load.one.name === name));
  const build = (held: readonly Held[]) =>
    loads
      .map(({ one: each }, i): ClassShare => {
        const guaranteed = guarantees[i] as number;
        const ceiling = Math.min(standing(each), held.find((other) => other.class === each.name)?.to ?? most);
        const { priority } = each.service;
        const share = { guaranteed: bitsPerSecond(guaranteed), ceiling: bitsPerSecond(ceiling), priority };
        return { class: each.name, ...share, mark: markFor(each, guaranteed) };
      })
      .sort((a, b) => a.priority - b.priority || (a.class < b.class ? -1 : 1));
  const planWith = (held: readonly Held[], excused: readonly ClassLoad[]): Plan => {
    const planned = build(held);
    const served = servedBy(iface, planned);
    const short = loads.filter((load, i) => {
      const asked = Math.min(load.offered, standing(load.one));
      return !excused.includes(load) && (served[i]?.carried ?? 0) < asked * allOfIt;
    });
    return { shares: planned, held, short: short.map((load) => load.one.name) };
  };
  let plan = planWith([], []);
  for (let count = 1; plan.short.length > 0 && count <= sheds.length; count++) {
    const excused = sheds.slice(0, count);
    plan = planWith(heldBack(excused), excused);
  }
  return plan;

  /** A ceiling that is there stays, as another class's policy may have set it: but for those who go first now, and no lower than what one is sure of. */
  function standing(each: ServedClass): number {
    if (isPremium(one, each)) return most;
    const now = shares.find((share) => share.class === each.name)?.ceiling ?? most;
    return isCapped(now, link.capacity) ? Math.max(now, guaranteeOf(each)) : most;
  }
  function guaranteeOf(each: ServedClass): number {
    return guarantees[loads.findIndex((load) => load.one.name === each.name)] as number;
  }

  /** All but the last to their floor, the last to what the rest leave it. */
  function heldBack(classes: readonly ClassLoad[]): Held[] {
    const others = loads.filter((load) => !classes.includes(load)).reduce((sum, { offered }) => sum + offered, 0);
    const floors = classes.map((load) => floorOf(load.one, link.capacity));
    const beside = classes
      .slice(0, -1)
      .reduce((sum, { offered }, i) => sum + Math.min(offered, floors[i] as number), 0);
    return classes.flatMap(({ one: { name }, offered }, i): Held[] => {
      const left = i === classes.length - 1 ? down(Math.max(0, link.capacity - others - beside)) : 0;
      const to = Math.max(floors[i] as number, left);
      return to < offered && to < most ? [{ class: name, offered, to }] : [];
    });
  }
}

/** Bit/s in the order of `loads`. What the interface has now stays where it does. */
function guaranteesFor(one: ServedClass, { link, loads, shares }: QosInterface, target: number): number[] | TooMuch {
  const most = down(link.capacity - controlShare(link.capacity));
  const floors = loads.map((load) => floorOf(load.one, link.capacity));
  const premium = loads.map((load) => isPremium(one, load.one));
  const total = (rates: readonly number[], of: boolean) =>
    rates.reduce((sum, rate, i) => sum + (premium[i] === of ? rate : 0), 0);
  const offers = loads.map(({ offered }) => offered);
  const offered = total(offers, true);
  if (offered > target * link.capacity) return { offered, allowed: target * link.capacity, because: "target" };
  const atLeast = (factor: number) => offers.map((rate, i) => Math.max(floors[i] as number, up(rate * factor)));
  const [needed, wished] = [atLeast(1), atLeast(headroom)];
  const room = most - total(floors, false);
  const [need, wish] = [total(needed, true), total(wished, true)];
  if (need > room) return { offered, allowed: Math.max(0, room), because: "floors" };
  const part = wish > room ? (room - need) / (wish - need) : 1;
  const fresh = loads.map((_, i) => {
    if (!premium[i]) return floors[i] as number;
    const [least, best] = [needed[i] as number, wished[i] as number];
    return part === 1 ? best : least + down((best - least) * part);
  });
  const kept = loads.map((load, i) => {
    const now = shares.find((share) => share.class === load.one.name)?.guaranteed ?? 0;
    const does = Math.max(floors[i] as number, premium[i] ? load.offered * enough : 0);
    return now >= does ? now : (fresh[i] as number);
  });
  return kept.reduce((sum, rate) => sum + rate, 0) <= most ? kept : fresh;
}

/** Bulk traffic bears about a round trip across a continent; latency classes without a limit of their own a tenth. */
const bearableMs = { latency: 10, capacity: 100, remainder: 100 } as const;
/** Two and six packets of full size: with less, queues drop what is only a burst. */
const [leastMin, leastMax] = [3_000, 9_000];

/**
 * The longest queue is half of the delay that the class can bear, at the rate that it is sure of, as it may queue more than
 * once; marks begin at a third of that (max_th = 3 min_th: Floyd, "RED: Discussions of Setting Parameters", 1997).
 */
function markFor({ service, prefers }: ServedClass, guaranteed: number): ClassShare["mark"] {
  const paths = service.signals.filter(({ of, unit }) => of === "path" && unit === "ms").map(({ name }) => name);
  const limits = service.objectives.filter((o) => o.comparator === "below" && paths.includes(o.signal));
  const bearable = limits.length > 0 ? Math.min(...limits.map(({ threshold }) => threshold)) : bearableMs[prefers];
  const maxBytes = Math.max(leastMax, Math.round((guaranteed * (bearable / 2 / 1000)) / 8));
  return { minBytes: Math.max(leastMin, Math.round(maxBytes / 3)), maxBytes };
}
