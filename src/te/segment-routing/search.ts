import type { Random } from "../../kernel/random.ts";
import { Penalty } from "./penalty.ts";
import { type Limits, Rerouter } from "./reroute.ts";
import type { Routing } from "./routing.ts";

/** A demand without a cheaper path is not asked again for so many steps. */
const restSteps = 60;
/** An edge that no demand could leave is not tried again for so many steps. */
const edgeRestSteps = 200;
/** Demands fully tried on one edge before another has its turn. */
const triesAnEdge = 100;
/** Demands taken one by one before the others are sorted. */
const sortAfter = 16;

/**
 * Local search towards a target utilisation: takes a demand off an edge over the target, where that lowers the penalty.
 * An edge is chosen by its weighted excess; demands near the excess in size are tried first: larger ones only pass the
 * trouble on, smaller ones change little. Where no demand can move, the edges over the target gain weight.
 */
export class Search {
  readonly penalty: Penalty;
  /** Lowest maximum utilisation reached. */
  best: number;
  /** Times that nothing could move. */
  stuck = 0;
  readonly bestPath: Int32Array;
  readonly bestSegments: Uint8Array;
  readonly #routing: Routing;
  readonly #rerouter: Rerouter;
  readonly #random: Random;
  /** Where only so many may move, the largest go first. */
  readonly #fewMoves: boolean;
  readonly #edgeRests: Float64Array;
  readonly #demandRests: Float64Array;
  readonly #found: Int32Array;
  readonly #rank: Float64Array;
  readonly #keys: Float64Array;
  #awake = 0;
  /** Paths of three segments are looked for only where those of two bring nothing: that takes nodes² instead of nodes. */
  #deep = false;
  /** Demands rerouted since the best was noted. */
  readonly #changed: Int32Array;
  readonly #isChanged: Uint8Array;
  #changes = 0;
  #step = 0;

  constructor(routing: Routing, limits: Limits, random: Random) {
    const count = routing.demands.row.length;
    this.#routing = routing;
    this.penalty = new Penalty(routing);
    this.#rerouter = new Rerouter(routing, this.penalty, limits, random);
    this.#random = random;
    this.#fewMoves = limits.maxMoved < count;
    this.best = routing.maxUtilisation();
    this.bestPath = routing.path.slice();
    this.bestSegments = routing.segments.slice();
    this.#edgeRests = new Float64Array(routing.graph.edges);
    this.#demandRests = new Float64Array(count);
    this.#found = new Int32Array(count * routing.maxSegments);
    this.#rank = new Float64Array(count * routing.maxSegments);
    this.#keys = new Float64Array(count * routing.maxSegments);
    this.#changed = new Int32Array(count);
    this.#isChanged = new Uint8Array(count);
  }

  /** Aims at another utilisation. */
  aim(target: number): void {
    this.penalty.target = target;
    this.penalty.weight.fill(1);
    this.penalty.rebuild();
    this.#wakeAll();
    this.#deep = false;
  }

  /** One demand rerouted, or one edge given up, or weights raised; false when `expired`. */
  step(expired: () => boolean): boolean {
    this.#step += 1;
    const edge = this.#worstEdge();
    if (edge < 0) {
      if (this.#deep) this.#breakOut();
      else this.#wakeAll();
      this.#deep = !this.#deep;
      return true;
    }
    this.penalty.refresh(0.1);
    const count = this.#rankDemands(edge);
    let tries = 0;
    for (let asked = 0; asked < count && tries < triesAnEdge; asked++) {
      const demand = this.#take(asked, count);
      if (demand < 0) break;
      if (expired()) return false;
      this.#demandRests[demand] = this.#step + restSteps;
      if (!this.#rerouter.mayGain(demand, this.#deep)) continue;
      tries += 1;
      if (!this.#rerouter.reroute(demand)) continue;
      this.#demandRests[demand] = 0;
      this.#note(demand);
      return true;
    }
    this.#edgeRests[edge] = this.#step + edgeRestSteps;
    return true;
  }

  /** Puts up to `most` demands that cross edges over the target on any path, whatever it costs: what no single move gains may be near. */
  kick(most: number): void {
    for (let left = 1 + Math.floor(this.#random() * most); left > 0; left--) {
      const over = this.#edgesOver();
      const edge = over[Math.floor(this.#random() * over.length)];
      const count = edge === undefined ? 0 : this.#routing.demandsOn(edge, this.#found, this.#rank);
      if (count === 0) return;
      const demand = this.#found[Math.floor(this.#random() * count)] as number;
      if (this.#rerouter.scatter(demand)) this.#note(demand);
    }
    this.penalty.rebuild();
    this.#wakeAll();
  }

  #edgesOver(): number[] {
    const over: number[] = [];
    for (const [edge, utilisation] of this.#routing.utilisation.entries()) {
      if (utilisation > this.penalty.target) over.push(edge);
    }
    return over;
  }

  #worstEdge(): number {
    const { utilisation } = this.#routing;
    const { target, weight } = this.penalty;
    let [edge, worst] = [-1, 0];
    for (let k = 0; k < utilisation.length; k++) {
      const excess = ((utilisation[k] as number) - target) * (weight[k] as number);
      if (excess > worst && (this.#edgeRests[k] as number) <= this.#step) [edge, worst] = [k, excess];
    }
    return edge;
  }

  #breakOut(): void {
    this.stuck += 1;
    const { utilisation } = this.#routing;
    const { target, weight } = this.penalty;
    for (let k = 0; k < utilisation.length; k++) {
      if ((utilisation[k] as number) > target) weight[k] = (weight[k] as number) + 1;
    }
    this.penalty.rebuild();
    this.#wakeAll();
  }

  #wakeAll(): void {
    this.#edgeRests.fill(0);
    this.#demandRests.fill(0);
  }

  #rankDemands(edge: number): number {
    const count = this.#routing.demandsOn(edge, this.#found, this.#rank);
    const excess = (this.#routing.utilisation[edge] as number) - this.penalty.target;
    for (let k = 0; k < count; k++) {
      const rests = (this.#demandRests[this.#found[k] as number] as number) > this.#step;
      const ratio = (this.#rank[k] as number) / excess;
      const distance = this.#fewMoves ? Math.min(50, 1 / ratio) : Math.abs(Math.log(ratio));
      this.#rank[k] = rests ? Number.POSITIVE_INFINITY : distance + 2 * this.#random();
    }
    return count;
  }

  /** The demand that ranks next, after `taken` others; -1 when all are at rest. Few are asked, mostly: the rest stay unsorted. */
  #take(taken: number, count: number): number {
    if (taken > sortAfter) return this.#sorted(taken - sortAfter);
    if (taken === sortAfter) return this.#sort(count);
    let [at, lowest] = [-1, Number.POSITIVE_INFINITY];
    for (let k = 0; k < count; k++) {
      if ((this.#rank[k] as number) < lowest) {
        lowest = this.#rank[k] as number;
        at = k;
      }
    }
    if (at < 0) return -1;
    this.#rank[at] = Number.POSITIVE_INFINITY;
    return this.#found[at] as number;
  }

  #sort(count: number): number {
    let awake = 0;
    // Rank and place in one number, so that the numeric sort of typed arrays does.
    for (let k = 0; k < count; k++) {
      const rank = this.#rank[k] as number;
      if (rank < Number.POSITIVE_INFINITY) this.#keys[awake++] = Math.floor(rank * 4096) * this.#found.length + k;
    }
    this.#keys.subarray(0, awake).sort();
    this.#awake = awake;
    return this.#sorted(0);
  }

  #sorted(at: number): number {
    if (at >= this.#awake) return -1;
    return this.#found[(this.#keys[at] as number) % this.#found.length] as number;
  }

  #note(demand: number): void {
    if (!this.#isChanged[demand]) {
      this.#isChanged[demand] = 1;
      this.#changed[this.#changes++] = demand;
    }
    const reached = this.#routing.maxUtilisation();
    if (reached >= this.best - 1e-12) return;
    this.best = reached;
    const { path, segments, stride } = this.#routing;
    for (let k = 0; k < this.#changes; k++) {
      const moved = this.#changed[k] as number;
      this.#isChanged[moved] = 0;
      this.bestSegments[moved] = segments[moved] as number;
      for (let at = moved * stride; at < (moved + 1) * stride; at++) this.bestPath[at] = path[at] as number;
    }
    this.#changes = 0;
  }
}
