import { assert } from "../kernel/assert.ts";
import type { PrependChange } from "../model/decision.ts";
import type { Link, LinkName } from "../model/inventory.ts";
import { linkLoads, prefixLoads, ratePerHour, totalRate, withHiddenDemand } from "../te/bgp-preference.ts";
import { exceeds, type FailureHarm, failureHarm } from "../te/link-failure.ts";
import type { Move } from "./moves.ts";
import type { Task } from "./task.ts";

/** A move in numbers, indexed like `Problem.links`. */
export type Candidate = Readonly<
  Move & {
    /** Bit/s that each link gains (or loses: negative), as judged. */
    delta: Float64Array;
    /** Bit/s as measured, and money per hour more. */
    moved: number;
    cost: number;
    devices: readonly string[];
    /** Announcements made more attractive; raising the others says less to the world. */
    lowered: number;
    /** Prepends added and taken away. */
    size: number;
    /** Orders what is equal in everything else. */
    key: string;
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
  return {
    links,
    objective: policy.decide.objective,
    loads,
    limits: Float64Array.from(links, (link, i) => limitOf(link, loads[i] ?? 0)),
    demandFactor: Float64Array.from(links, (link, i) => {
      const plain = measured.get(link.name) ?? 0;
      return plain === 0 ? 1 : (loads[i] ?? 0) / plain;
    }),
    candidates: moves.map((move) => candidate(move)),
    total,
    maxMoved: policy.guard.maxTrafficMoved * total,
    maxDevices: policy.guard.maxDevices,
    harm: policy.guard.surviveAnyLinkFailure ? harmJudge(task) : () => undefined,
  };

  function candidate(move: Move): Candidate {
    const delta = new Float64Array(links.length);
    const target = index.get(move.target);
    assert(target !== undefined, `${move.target} is in scope`);
    let [moved, cost] = [0, 0];
    for (const [from, rate] of judged.rates.get(move.prefix) ?? []) {
      if (from === move.target) continue;
      const plain = traffic.rates.get(move.prefix)?.get(from) ?? 0;
      const source = index.get(from);
      if (source !== undefined) delta[source] = -rate;
      delta[target] = (delta[target] ?? 0) + rate;
      moved += plain;
      cost +=
        marginalCost(links[target], plain) - marginalCost(source === undefined ? undefined : links[source], plain);
    }
    return {
      ...move,
      delta,
      moved,
      cost,
      devices: [...new Set(move.changes.map((change) => change.device))],
      lowered: move.changes.filter((change) => change.to < change.from).length,
      size: move.changes.reduce((sum, change) => sum + Math.abs(change.to - change.from), 0),
      key: move.changes.map(({ prefix, link, to }: PrependChange) => `${prefix} ${link} ${to}`).join(" "),
    };
  }
}

/** Not capped at the link's capacity, unlike a bill: otherwise what a full link drops would look like money saved. */
const marginalCost = (link: Link | undefined, rate: number) => (link ? ratePerHour(link, rate) : 0);

/** Deltas of one move under each failure are worked out once; a set's are their sum, as each move has its own prefix. */
function harmJudge({ traffic, policy }: Task): Problem["harm"] {
  const judged = withHiddenDemand(traffic);
  const names = judged.links.map((link) => link.name);
  const base = names.map((failed) => linkLoads(judged, { failed, tie: "each" }));
  const known = new Map<Candidate, Map<LinkName, number>[]>();
  const deltas = (candidate: Candidate) => {
    const done = known.get(candidate);
    if (done) return done;
    const { prefix, changes } = candidate;
    const fresh = names.map((failed) => {
      const delta = new Map(prefixLoads(judged, prefix, { changes, failed, tie: "each" }));
      for (const [link, rate] of prefixLoads(judged, prefix, { failed, tie: "each" })) {
        delta.set(link, (delta.get(link) ?? 0) - rate);
      }
      return delta;
    });
    known.set(candidate, fresh);
    return fresh;
  };
  return (chosen) => {
    const byFailure = chosen.map(deltas);
    for (const [i, failed] of names.entries()) {
      const before = base[i];
      assert(before, `the loads without ${failed} are known`);
      const after = new Map(before);
      for (const delta of byFailure) {
        for (const [link, rate] of delta[i] ?? []) after.set(link, (after.get(link) ?? 0) + rate);
      }
      const harm = failureHarm(judged.links, { failed, before, after }, policy.decide.target);
      if (harm) return harm;
    }
    return undefined;
  };
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
    for (const [i, rate] of candidate.delta.entries()) loads[i] = (loads[i] ?? 0) + rate;
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
