import { DemandChange, type Volume } from "./demand-change.ts";
import { FlowUpdate, settled } from "./flow-update.ts";
import type { Demands, Graph } from "./graph.ts";
import { exceeds } from "./link-failure.ts";
import { type AddedDemand, assertPossible, type NetworkChange } from "./network-change.ts";
import { type DemandSegments, RoutedDemands, status } from "./routed-demands.ts";
import { ShortestPathTrees } from "./shortest-path-trees.ts";

/** Loads and volumes in the unit of the demands. */
export type LoadState = Readonly<{
  /** By edge; 0 on one that is removed. */
  loads: Float64Array;
  /** By edge, as changed. */
  capacities: Float64Array;
  /** Load over capacity of the edge where it is highest, the first of equals; 0 and -1 where no edge is left. */
  maxUtilisation: number;
  edge: number;
  /** Edges loaded above their capacity. */
  overloaded: readonly number[];
  /** Demands whose ends exist and have no path: they load nothing. */
  disconnected: Volume;
  /** Demands that start or end at a removed node. */
  lost: Volume;
  /** Demands on their IGP path because a segment of their own has no path. */
  fallbacks: number;
  /** Places in `Demands` (those added now come after all others) of the demands that this change disconnected. */
  cutOff: readonly number[];
}>;

/**
 * Link loads of a traffic matrix with segment-routing paths, kept while the network changes. A demand whose path is broken,
 * by a node that is gone or a segment without a path, takes its IGP path, the fallback candidate, if there is one.
 * A change costs what it touches: the destinations whose shortest paths use or attract a changed edge, and of those the nodes
 * whose next hops or traffic differ. Equal to a computation from scratch but for rounding.
 */
export class NetworkLoads {
  readonly #graph: Graph;
  readonly #trees: ShortestPathTrees;
  readonly #flows: FlowUpdate;
  #routed: RoutedDemands;
  #paths: readonly DemandSegments[];
  #loads: Float64Array;
  #capacities: Float64Array;
  /** By node: 1 when it is removed. */
  readonly #down: Uint8Array;
  #status: Uint8Array;
  /** By status. */
  #count = [0, 0, 0, 0];
  #volume = [0, 0, 0, 0];
  #now: LoadState;

  /** Edges marked in `removed` do not exist. */
  constructor(graph: Graph, demands: Demands, paths: readonly DemandSegments[] = [], removed?: Uint8Array) {
    this.#graph = graph;
    this.#trees = new ShortestPathTrees(graph, removed);
    this.#flows = new FlowUpdate(this.#trees);
    this.#routed = new RoutedDemands(graph, demands, paths);
    this.#paths = paths;
    this.#loads = new Float64Array(graph.edges);
    this.#capacities = graph.capacity.slice();
    this.#down = new Uint8Array(graph.nodes);
    this.#status = new Uint8Array(demands.size.length);
    for (let demand = 0; demand < this.#routed.count; demand++) this.#buildTrees(this.#routed, demand);
    const change = new DemandChange(this.#count, this.#volume, 1);
    for (let demand = 0; demand < this.#routed.count; demand++) this.#enter(change, this.#routed, demand, demand);
    this.#now = this.#finish(change, [], {}, true);
  }

  get now(): LoadState {
    return this.#now;
  }

  /** What the change would make of the loads; nothing stays changed. */
  whatIf(change: NetworkChange): LoadState {
    return this.#change(change, false);
  }

  /** The change is made: later ones come on top of it. */
  apply(change: NetworkChange): LoadState {
    assertPossible(change, this.#graph);
    const { scaleDemands, ...rest } = change;
    if (scaleDemands !== undefined) this.#scale(scaleDemands);
    this.#now = this.#change(rest, true);
    return this.#now;
  }

  #change(change: NetworkChange, keep: boolean): LoadState {
    assertPossible(change, this.#graph);
    const scale = change.scaleDemands ?? 1;
    const added = this.#added(change.addedDemands ?? []);
    if (added) for (let demand = 0; demand < added.count; demand++) this.#buildTrees(added, demand);
    const newlyDown = this.#changeTopology(change);
    const concerned = this.#updateTrees();
    const demands = new DemandChange(this.#count, this.#volume, scale);
    this.#recheck(demands, newlyDown.length > 0);
    if (added) {
      for (let demand = 0; demand < added.count; demand++) {
        this.#enter(demands, added, demand, this.#routed.count + demand);
      }
    }
    if (keep && added) this.#take(change.addedDemands ?? []);
    const state = this.#finish(demands, concerned, change, keep);
    if (!keep) for (const node of newlyDown) this.#down[node] = 0;
    return state;
  }

  #changeTopology({ removedEdges = [], removedNodes = [], weights = new Map() }: NetworkChange): number[] {
    const { source, target, outStart, out, intoStart, into } = this.#graph;
    const newlyDown: number[] = [];
    const gone = new Set(removedEdges);
    for (const node of removedNodes) {
      if (this.#down[node] === 1) continue;
      this.#down[node] = 1;
      newlyDown.push(node);
      for (let k = outStart[node] as number; k < (outStart[node + 1] as number); k++) gone.add(out[k] as number);
      for (let k = intoStart[node] as number; k < (intoStart[node + 1] as number); k++) gone.add(into[k] as number);
    }
    for (const edge of gone) {
      if (this.#trees.weight[edge] !== Number.POSITIVE_INFINITY) this.#trees.setWeight(edge, Number.POSITIVE_INFINITY);
    }
    for (const [edge, weight] of weights) {
      const atNode = this.#down[source[edge] as number] === 1 || this.#down[target[edge] as number] === 1;
      if (!gone.has(edge) && !atNode && this.#trees.weight[edge] !== weight) this.#trees.setWeight(edge, weight);
    }
    return newlyDown;
  }

  /** Destinations whose paths the change concerns, each with the part of `relabelled` that is its own. */
  #updateTrees(): Concerned[] {
    const trees = this.#trees;
    const concerned: Concerned[] = [];
    if (trees.changed.length === 0) return concerned;
    for (let destination = 0; destination < this.#graph.nodes; destination++) {
      if (!trees.concerns(destination)) continue;
      const from = trees.relabelled.length;
      trees.update(destination);
      concerned.push({ destination, from, to: trees.relabelled.length });
    }
    return concerned;
  }

  /** Demands with a leg that lost its path, or got one back. */
  #recheck(change: DemandChange, nodesRemoved: boolean): void {
    const trees = this.#trees;
    const squared = this.#graph.nodes * this.#graph.nodes;
    const suspects: number[] = [];
    for (const place of trees.relabelled) {
      const reachable = trees.distance[place] !== Number.POSITIVE_INFINITY;
      if (reachable !== trees.wasReachable(place)) this.#usersOf(place, suspects);
    }
    for (const edge of trees.changed) this.#usersOf(squared + edge, suspects);
    if (nodesRemoved && this.#count[status.disconnected] !== 0) {
      for (let demand = 0; demand < this.#status.length; demand++) {
        if (this.#status[demand] === status.disconnected) suspects.push(demand);
      }
    }
    for (const demand of suspects.length > 1 ? new Set(suspects) : suspects) {
      const was = this.#status[demand] as number;
      const is = this.#statusOf(this.#routed, demand);
      if (was === is) continue;
      const size = (this.#routed.size[demand] as number) * change.scale;
      this.#place(this.#routed, demand, was, -size);
      this.#place(this.#routed, demand, is, size);
      change.leave(was, size);
      change.enter(demand, is, size);
    }
  }

  #enter(change: DemandChange, routed: RoutedDemands, demand: number, place: number): void {
    const [is, size] = [this.#statusOf(routed, demand), routed.size[demand] as number];
    this.#place(routed, demand, is, size);
    change.enter(place, is, size);
  }

  #statusOf(routed: RoutedDemands, demand: number): number {
    if (this.#down[routed.source[demand] as number] || this.#down[routed.target[demand] as number]) return status.lost;
    const { leg, legStart } = routed;
    for (let k = legStart[demand] as number; k < (legStart[demand + 1] as number); k++) {
      if (this.#isUsable(leg[k] as number)) continue;
      return this.#isUsable(routed.direct(demand)) ? status.fallback : status.disconnected;
    }
    return status.onPath;
  }

  #isUsable(leg: number): boolean {
    const { distance, weight } = this.#trees;
    return (leg < distance.length ? distance[leg] : weight[leg - distance.length]) !== Number.POSITIVE_INFINITY;
  }

  #usersOf(leg: number, users: number[]): void {
    const { user, userStart } = this.#routed;
    for (let k = userStart[leg] as number; k < (userStart[leg + 1] as number); k++) users.push(user[k] as number);
  }

  /** Adds `amount` where a demand of that status goes. */
  #place(routed: RoutedDemands, demand: number, how: number, amount: number): void {
    const { leg, legStart } = routed;
    if (how === status.fallback) this.#placeLeg(routed.direct(demand), amount);
    if (how !== status.onPath) return;
    for (let k = legStart[demand] as number; k < (legStart[demand + 1] as number); k++) {
      this.#placeLeg(leg[k] as number, amount);
    }
  }

  #placeLeg(leg: number, amount: number): void {
    const { nodes } = this.#graph;
    const { change } = this.#flows;
    const edge = leg - nodes * nodes;
    if (edge < 0) this.#flows.inject(Math.floor(leg / nodes), leg % nodes, amount);
    else change[edge] = (change[edge] as number) + amount;
  }

  #buildTrees(routed: RoutedDemands, demand: number): void {
    const { nodes } = this.#graph;
    this.#trees.build(routed.target[demand] as number);
    const { leg, legStart } = routed;
    for (let k = legStart[demand] as number; k < (legStart[demand + 1] as number); k++) {
      if ((leg[k] as number) < nodes * nodes) this.#trees.build(Math.floor((leg[k] as number) / nodes));
    }
  }

  /** Moves the flows, reads the loads, then makes the change the present state or takes it back. */
  #finish(
    demands: DemandChange,
    concerned: readonly Concerned[],
    { capacities }: NetworkChange,
    keep: boolean,
  ): LoadState {
    const { scale } = demands;
    for (const { destination, from, to } of concerned) {
      this.#flows.update(destination, this.#trees.relabelled.slice(from, to), scale, keep);
    }
    for (const destination of this.#flows.pending) this.#flows.update(destination, [], scale, keep);

    const loads = new Float64Array(this.#graph.edges);
    for (let edge = 0; edge < loads.length; edge++) {
      loads[edge] = settled((this.#loads[edge] as number) * scale, this.#flows.change[edge] as number);
    }
    const changed = capacities ? this.#capacities.slice() : this.#capacities;
    for (const [edge, capacity] of capacities ?? []) {
      changed[edge] = capacity;
    }
    const state: LoadState = {
      ...hottest(loads, changed, this.#trees.weight),
      loads,
      capacities: changed,
      disconnected: demands.total(status.disconnected),
      lost: demands.total(status.lost),
      fallbacks: demands.total(status.fallback).demands,
      cutOff: demands.cutOff,
    };
    this.#flows.reset();
    if (!keep) {
      this.#trees.undo();
      return state;
    }
    this.#trees.accept();
    this.#loads = loads;
    this.#capacities = changed;
    this.#count = demands.count;
    this.#volume = demands.volume;
    for (const [demand, is] of demands.entered) this.#status[demand] = is;
    return state;
  }

  #added(demands: readonly AddedDemand[]): RoutedDemands | undefined {
    return demands.length === 0 ? undefined : new RoutedDemands(this.#graph, columns(demands));
  }

  /** Added demands become like all others. */
  #take(demands: readonly AddedDemand[]): void {
    const { source, target, size, count } = this.#routed;
    const more = columns(demands);
    const all = {
      row: Int32Array.from({ length: count + demands.length }, (_, demand) => demand),
      source: joined(new Int32Array(count + demands.length), source, more.source),
      target: joined(new Int32Array(count + demands.length), target, more.target),
      size: joined(new Float64Array(count + demands.length), size, more.size),
    };
    this.#routed = new RoutedDemands(this.#graph, all, this.#paths);
    const known = this.#status;
    this.#status = joined(new Uint8Array(count + demands.length), known, []);
  }

  #scale(factor: number): void {
    const { size } = this.#routed;
    for (let demand = 0; demand < size.length; demand++) size[demand] = (size[demand] as number) * factor;
    this.#loads = this.#loads.map((load) => load * factor);
    this.#volume = this.#volume.map((volume) => volume * factor);
    this.#flows.scale(factor);
  }
}

type Concerned = Readonly<{ destination: number; from: number; to: number }>;

function hottest(loads: Float64Array, capacities: Float64Array, weight: Float64Array) {
  let [maxUtilisation, hot] = [0, -1];
  const overloaded: number[] = [];
  for (let edge = 0; edge < loads.length; edge++) {
    if (weight[edge] === Number.POSITIVE_INFINITY) continue;
    const utilisation = (loads[edge] as number) / (capacities[edge] as number);
    if (hot < 0 || utilisation > maxUtilisation) [maxUtilisation, hot] = [utilisation, edge];
    if (utilisation > 1 && exceeds(utilisation, 1)) overloaded.push(edge);
  }
  return { maxUtilisation, edge: hot, overloaded };
}

function joined<T extends Int32Array | Float64Array | Uint8Array>(
  into: T,
  head: ArrayLike<number>,
  tail: ArrayLike<number>,
): T {
  into.set(head);
  into.set(tail, head.length);
  return into;
}

function columns(demands: readonly AddedDemand[]): Demands {
  return {
    row: Int32Array.from(demands, (_, place) => place),
    source: Int32Array.from(demands, ({ source }) => source),
    target: Int32Array.from(demands, ({ target }) => target),
    size: Float64Array.from(demands, ({ size }) => size),
  };
}
