import { assert } from "../../kernel/assert.ts";
import { exceeds } from "../../te/link-failure.ts";
import { clearlyMore } from "../compare.ts";
import { isBetter } from "./preference.ts";
import { type Candidate, type Outcome, objectiveOf, outcomeOf, type Problem, worstExcess } from "./problem.ts";

/** What a look at every link failure counts for, as it takes about that much longer than a move. */
const harmSteps = 50;

type Over = Readonly<{ link: number; excess: number }>;
type Group = Readonly<{ prefix: string; prefixId: number; shed: number; candidates: readonly Candidate[] }>;
/** Moves that take traffic off one link, most first, grouped by prefix as only one a prefix can be made. */
type Off = Readonly<{
  groups: readonly Group[];
  /** `sums[i]`: what the first i shed together. */
  sums: Float64Array;
  /** Least money per judged bit/s shed, by target; infinite when nothing goes there. */
  ratios: Float64Array;
}>;

/** One branch and bound at a time, by `run`; `best` is the best set that any has found. See `smallestSet`. */
export class BranchAndBound {
  best: Outcome | undefined;
  readonly #problem: Problem;
  readonly #off: readonly Off[];
  /** `#savings[r]`: money that r moves could save at most; never positive. */
  readonly #savings: Float64Array;
  readonly #loads: Float64Array;
  readonly #chosen: Candidate[] = [];
  /** By prefix and by candidate. */
  readonly #moving: Uint8Array;
  readonly #ruledOut: Uint8Array;
  readonly #devices = new Map<string, number>();
  #moved = 0;
  #cost = 0;
  #steps = 0;
  #allowance = 0;

  constructor(problem: Problem) {
    this.#problem = problem;
    this.#loads = Float64Array.from(problem.loads);
    const size = Math.max(0, ...problem.candidates.map((candidate) => candidate.id + 1));
    this.#ruledOut = new Uint8Array(size);
    this.#moving = new Uint8Array(size);
    this.#off = problem.links.map((_, link) => movesOff(problem, link));
    const saved = new Map<string, number>();
    for (const c of problem.candidates) saved.set(c.prefix, Math.min(saved.get(c.prefix) ?? 0, c.cost));
    const sorted = [...saved.values()].sort((a, b) => a - b);
    this.#savings = new Float64Array(sorted.length + 1);
    for (const [i, saving] of sorted.entries()) this.#savings[i + 1] = (this.#savings[i] ?? 0) + saving;
  }

  run(k: number, allowance: number): { steps: number; finished: boolean } {
    this.#steps = 0;
    this.#allowance = allowance;
    this.#branch(k);
    assert(this.#chosen.length === 0, "the search undoes all it tries");
    return { steps: this.#steps, finished: this.#steps < this.#allowance };
  }

  #branch(left: number): void {
    const over = worstExcess(this.#problem, this.#loads);
    if (!over) this.#consider();
    else if (left === 1) this.#last(over);
    else if (left > 1) this.#each(over, left);
  }

  #each({ link, excess }: Over, left: number): void {
    const off = this.#off[link];
    assert(off, "every link has its moves");
    const cheapest = Math.min(...off.ratios);
    if (this.#cannotWin(left, excess, cheapest, this.#factor(link))) return;
    const ruledOutHere: Candidate[] = [];
    for (const [i, group] of off.groups.entries()) {
      if (this.#steps >= this.#allowance) break;
      const upTo = Math.min(i + left, off.groups.length);
      if (exceeds(excess, (off.sums[upTo] ?? 0) - (off.sums[i] ?? 0))) break;
      if (this.#moving[group.prefixId] === 1) continue;
      for (const candidate of group.candidates) {
        if (this.#ruledOut[candidate.id] === 1 || candidate.changes.length > left) continue;
        this.#try(candidate, left);
        this.#ruledOut[candidate.id] = 1;
        ruledOutHere.push(candidate);
      }
    }
    for (const candidate of ruledOutHere) this.#ruledOut[candidate.id] = 0;
  }

  /**
   * The last move must shed all of the excess alone. Smallest first when shedding costs, largest first when it saves,
   * so that the first one that cannot win ends it.
   */
  #last({ link, excess }: Over): void {
    const off = this.#off[link];
    assert(off, "every link has its moves");
    const targets = [...off.ratios.keys()].filter((target) => {
      const room = (this.#problem.limits[target] ?? 0) - (this.#loads[target] ?? 0);
      return off.ratios[target] !== Number.POSITIVE_INFINITY && !exceeds(excess, room);
    });
    if (targets.length === 0) return;
    const cheapest = Math.min(...targets.map((target) => off.ratios[target] ?? 0));
    const smallest = lastAtLeast(off.groups, excess);
    const smallestFirst = this.#problem.objective === "balance" || cheapest >= 0;
    for (let n = 0; n <= smallest && this.#steps < this.#allowance; n++) {
      const group = off.groups[smallestFirst ? smallest - n : n];
      if (!group || this.#moving[group.prefixId] === 1) continue;
      if (this.#cannotWin(1, group.shed, cheapest, this.#factor(link))) break;
      if (this.#problem.objective === "balance" && this.#tooFull(targets, group.shed)) break;
      for (const candidate of group.candidates) {
        if (candidate.changes.length === 1 && this.#ruledOut[candidate.id] === 0) this.#try(candidate, 1);
      }
    }
  }

  /** Whichever target gets `shed` more would be fuller than the fullest link of the best set known. */
  #tooFull(targets: readonly number[], shed: number): boolean {
    if (!this.best) return false;
    const most = objectiveOf(this.#problem, this.best.cost, this.best.loads);
    return targets.every((target) => {
      const capacity = this.#problem.links[target]?.capacity ?? 0;
      return clearlyMore((this.#loads[target] ?? 0) + shed, most * capacity);
    });
  }

  #try(candidate: Candidate, left: number): void {
    this.#steps++;
    if (exceeds(this.#moved + candidate.moved, this.#problem.maxMoved)) return;
    this.#apply(candidate, 1);
    this.#chosen.push(candidate);
    this.#moving[candidate.prefixId] = 1;
    if (this.#devices.size <= this.#problem.maxDevices) this.#branch(left - candidate.changes.length);
    this.#moving[candidate.prefixId] = 0;
    this.#chosen.pop();
    this.#apply(candidate, -1);
  }

  #apply(candidate: Candidate, sign: 1 | -1): void {
    for (let i = 0; i < this.#loads.length; i++) {
      this.#loads[i] = (this.#loads[i] ?? 0) + sign * (candidate.delta[i] ?? 0);
    }
    this.#moved += sign * candidate.moved;
    this.#cost += sign * candidate.cost;
    for (const device of candidate.devices) {
      const uses = (this.#devices.get(device) ?? 0) + sign;
      if (uses === 0) this.#devices.delete(device);
      else this.#devices.set(device, uses);
    }
  }

  /** Shedding `shed` more with `left` moves at `ratio` or dearer cannot beat the best set known. */
  #cannotWin(left: number, shed: number, ratio: number, factor: number): boolean {
    if (!this.best || this.#problem.objective !== "cost") return false;
    // At least one of the moves left sheds; the others can at most save what the best savers do.
    const others = this.#savings[Math.min(left - 1, this.#savings.length - 1)] ?? 0;
    const saved = left === 1 ? shed * ratio : (this.#savings[Math.min(left, this.#savings.length - 1)] ?? 0);
    const cost = this.#cost + (ratio >= 0 ? shed * ratio + others : saved);
    if (clearlyMore(cost, this.best.cost)) return true;
    return !clearlyMore(this.best.cost, cost) && clearlyMore(this.#moved + shed / factor, this.best.moved);
  }

  #factor(link: number): number {
    return this.#problem.demandFactor[link] ?? 1;
  }

  #consider(): void {
    const objective = objectiveOf(this.#problem, this.#cost, this.#loads);
    if (this.best && clearlyMore(objective, objectiveOf(this.#problem, this.best.cost, this.best.loads))) return;
    const outcome = outcomeOf(this.#problem, byPrefix(this.#chosen));
    if (this.best && !isBetter(this.#problem, outcome, this.best)) return;
    this.#steps += harmSteps;
    if (!this.#problem.harm(outcome.chosen)) this.best = outcome;
  }
}

const byPrefix = (chosen: readonly Candidate[]) => chosen.toSorted((a, b) => (a.prefix < b.prefix ? -1 : 1));

function movesOff(problem: Problem, link: number): Off {
  const byPrefixId = new Map<number, Candidate[]>();
  const ratios = new Float64Array(problem.links.length).fill(Number.POSITIVE_INFINITY);
  for (const candidate of problem.candidates) {
    const shed = -(candidate.delta[link] ?? 0);
    if (shed <= 0) continue;
    const group = byPrefixId.get(candidate.prefixId);
    if (group) group.push(candidate);
    else byPrefixId.set(candidate.prefixId, [candidate]);
    const target = problem.links.findIndex((l) => l.name === candidate.target);
    ratios[target] = Math.min(ratios[target] ?? 0, candidate.cost / shed);
  }
  const groups = [...byPrefixId]
    .map(([prefixId, candidates]) => {
      return { prefix: candidates[0]?.prefix ?? "", prefixId, shed: -(candidates[0]?.delta[link] ?? 0), candidates };
    })
    .sort((a, b) => b.shed - a.shed || (a.prefix < b.prefix ? -1 : 1));
  const sums = new Float64Array(groups.length + 1);
  for (const [i, { shed }] of groups.entries()) sums[i + 1] = (sums[i] ?? 0) + shed;
  return { groups, sums, ratios };
}

/** Index of the last group that sheds at least `amount`; -1 when none does. */
function lastAtLeast(groups: readonly Group[], amount: number): number {
  let [low, high] = [0, groups.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (exceeds(amount, groups[middle]?.shed ?? 0)) high = middle;
    else low = middle + 1;
  }
  return low - 1;
}
