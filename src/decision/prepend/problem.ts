import { assert } from "../../kernel/assert.ts";
import type { Link, LinkName } from "../../model/inventory.ts";
import { linkLoads, prefixLoads, ratePerHour, totalRate, withHiddenDemand } from "../../te/bgp-preference.ts";
import { exceeds, type FailureHarm, failureHarm } from "../../te/link-failure.ts";
import type { Move } from "./moves.ts";
import type { Task } from "./task.ts";

/** A move in numbers, indexed like `Problem.links`. */
export type Candidate = Readonly<
  Move & {
    /** Positions among all candidates and among all prefixes that have one. */
    id: number;
    prefixId: number;
    /** Bit/s that each link gains (or loses: negative), as judged. */
    delta: readonly number[];
    /** Bit/s as measured, and money per hour more. */
    moved: number;
    cost: number;
    devices: readonly string[];
    /** Announcements made more attractive; raising the others says less to the world. */
    lowered: number;
    /** Prepends added and taken away. */
    size: number;
  }
>;

/**
 * Relief as numbers. Limits are judged on traffic with hidden demand, money and moved traffic on what is measured.
 */
export type Problem = Readonly<{
  links: readonly Link[];
  objective: "cost" | "balance";
  /** Bit/s, by link: now, and what it may be afterwards. */
  loads: Float64Array;
  limits: Float64Array;
  /** Judged traffic over measured, by link. */
  demandFactor: Float64Array;
  candidates: readonly Candidate[];
  total: number;
  maxMoved: number;
  maxDevices: number;
  /** The first harm that any single link failure does after these moves and would not do now. */
  harm(chosen: readonly Candidate[]): FailureHarm | undefined;
}>;

/** `limitOf`: bit/s that a link may carry afterwards, given what it carries now. */
export function problemOf(task: Task, moves: readonly Move[], limitOf: (link: Link, load: number) => number): Problem {
  const { policy, traffic } = task;
  const links = traffic.links;
  const judged = withHiddenDemand(traffic);
  const index = new Map(links.map((link, i) => [link.name, i]));
  const now = linkLoads(judged);
  const measured = linkLoads(traffic);
  const loads = Float64Array.from(links, (link) => now.get(link.name) ?? 0);
  const total = totalRate(traffic);
  const prefixIds = new Map<string, number>();
  for (const { prefix } of moves) if (!prefixIds.has(prefix)) prefixIds.set(prefix, prefixIds.size);
  return {
    links,
    objective: policy.decide.objective,
    loads,
    limits: Float64Array.from(links, (link, i) => limitOf(link, loads[i] ?? 0)),
    demandFactor: Float64Array.from(links, (link, i) => {
      const plain = measured.get(link.name) ?? 0;
      return plain === 0 ? 1 : (loads[i] ?? 0) / plain;
    }),
    candidates: moves.map(candidate),
    total,
    maxMoved: policy.guard.maxTrafficMoved * total,
    maxDevices: policy.guard.maxDevices,
    harm: policy.guard.surviveAnyLinkFailure ? harmJudge(task) : () => undefined,
  };

  function candidate(move: Move, id: number): Candidate {
    const delta = links.map(() => 0);
    const target = index.get(move.target);
    assert(target !== undefined, `${move.target} is in scope`);
    let [moved, cost] = [0, 0];
    const plain = traffic.rates.get(move.prefix);
    for (const [from, rate] of judged.rates.get(move.prefix) ?? []) {
      if (from === move.target) continue;
      const shed = plain?.get(from) ?? 0;
      const source = index.get(from);
      if (source !== undefined) delta[source] = -rate;
      delta[target] = (delta[target] ?? 0) + rate;
      moved += shed;
      cost += marginalCost(links[target], shed) - (source === undefined ? 0 : marginalCost(links[source], shed));
    }
    let [lowered, size] = [0, 0];
    const devices: string[] = [];
    for (const { device, from, to } of move.changes) {
      if (!devices.includes(device)) devices.push(device);
      if (to < from) lowered++;
      size += Math.abs(to - from);
    }
    const { prefix, changes } = move;
    const prefixId = prefixIds.get(prefix) ?? 0;
    return { id, prefixId, prefix, target: move.target, changes, delta, moved, cost, devices, lowered, size };
  }
}

/** Orders what is equal in everything else. */
export function nameOf(candidate: Candidate): string {
  return candidate.changes.map(({ prefix, link, to }) => `${prefix} ${link} ${to}`).join(" ");
}

/** Not capped at the link's capacity, unlike a bill: otherwise what a full link drops would look like money saved. */
const marginalCost = (link: Link | undefined, rate: number) => (link ? ratePerHour(link, rate) : 0);

/** Deltas of one move under each failure are worked out once; a set's are their sum, as each move has its own prefix. */
function harmJudge({ traffic, policy }: Task): Problem["harm"] {
  const judged = withHiddenDemand(traffic);
  const { links } = judged;
  const index = new Map(links.map((link, i) => [link.name, i]));
  const inOrder = (byLink: ReadonlyMap<LinkName, number>) =>
    Float64Array.from(links, (link) => byLink.get(link.name) ?? 0);
  const base = links.map(({ name: failed }) => inOrder(linkLoads(judged, { failed, tie: "each" })));
  const known = new Map<Candidate, Float64Array[]>();
  const deltas = (candidate: Candidate) => {
    const done = known.get(candidate);
    if (done) return done;
    const { prefix, changes } = candidate;
    const fresh = links.map(({ name: failed }) => {
      const delta = inOrder(prefixLoads(judged, prefix, { changes, failed, tie: "each" }));
      for (const [link, rate] of prefixLoads(judged, prefix, { failed, tie: "each" })) {
        const i = index.get(link);
        if (i !== undefined) delta[i] = (delta[i] ?? 0) - rate;
      }
      return delta;
    });
    known.set(candidate, fresh);
    return fresh;
  };
  return (chosen) => {
    const byMove = chosen.map(deltas);
    for (const [failed, before] of base.entries()) {
      const after = Float64Array.from(before);
      for (const byFailure of byMove) addTo(after, byFailure[failed]);
      const harm = failureHarm(links, { failed, before, after }, policy.decide.target);
      if (harm) return harm;
    }
    return undefined;
  };
}

function addTo(loads: Float64Array, delta: ArrayLike<number> | undefined): void {
  for (let i = 0; i < loads.length; i++) loads[i] = (loads[i] ?? 0) + (delta?.[i] ?? 0);
}

/** What a set of moves, one a prefix, comes to. */
export type Outcome = Readonly<{
  chosen: readonly Candidate[];
  count: number;
  loads: Float64Array;
  devices: ReadonlySet<string>;
  moved: number;
  cost: number;
  lowered: number;
  size: number;
}>;

export function outcomeOf(problem: Problem, chosen: readonly Candidate[]): Outcome {
  const loads = Float64Array.from(problem.loads);
  const devices = new Set<string>();
  let [count, moved, cost, lowered, size] = [0, 0, 0, 0, 0];
  for (const candidate of chosen) {
    addTo(loads, candidate.delta);
    for (const device of candidate.devices) devices.add(device);
    count += candidate.changes.length;
    moved += candidate.moved;
    cost += candidate.cost;
    lowered += candidate.lowered;
    size += candidate.size;
  }
  return { chosen, count, loads, devices, moved, cost, lowered, size };
}

/** Least is best: money per hour, or the utilisation of the fullest link. */
export function objectiveOf(problem: Problem, cost: number, loads: Float64Array): number {
  if (problem.objective === "cost") return cost;
  return problem.links.reduce((most, link, i) => Math.max(most, (loads[i] ?? 0) / link.capacity), 0);
}

/** The link furthest over its limit; undefined when all are within. */
export function worstExcess(problem: Problem, loads: Float64Array): { link: number; excess: number } | undefined {
  let worst: { link: number; excess: number } | undefined;
  for (let i = 0; i < loads.length; i++) {
    const [load, limit] = [loads[i] ?? 0, problem.limits[i] ?? 0];
    if (exceeds(load, limit) && load - limit > (worst?.excess ?? 0)) worst = { link: i, excess: load - limit };
  }
  return worst;
}
