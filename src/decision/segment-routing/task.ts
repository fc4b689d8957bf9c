import type { SegmentRoutingPolicy } from "../../model/policy.ts";
import { type Backbone, latencyUse, withHiddenDemand } from "../../te/backbone.ts";
import { BackboneFailures, backboneLoads } from "../../te/backbone-loads.ts";
import type { Demands } from "../../te/graph.ts";
import { type ClassPathsInput, pathClassOf } from "../../te/segment-routing/class-paths.ts";

/** What a decision is made from, once it is known to be complete. */
export type Task = Readonly<{
  policy: SegmentRoutingPolicy;
  /** As measured, for predictions. */
  backbone: Backbone;
  /** With hidden demand, for limits; and what each link carries of it, by edge. */
  judged: Backbone;
  load: Float64Array;
  /** By edge: 1 where no flow may be led. */
  avoid: Uint8Array;
  failures: BackboneFailures;
}>;

export function taskOf(policy: SegmentRoutingPolicy, backbone: Backbone, avoid: Uint8Array): Task {
  const judged = withHiddenDemand(backbone);
  return { policy, backbone, judged, load: backboneLoads(judged), avoid, failures: new BackboneFailures(judged) };
}

/** Paths of one flow that are looked at: with three segments they are about as many as the square of the routers. */
const mostPaths = 4_000;

/** As many segments as the policy allows a new path and as can be looked at while others wait. */
export function segmentsOf({ policy, backbone }: Pick<Task, "policy" | "backbone">): number {
  const { maxSegments } = policy.decide;
  return backbone.graph.nodes ** 2 > mostPaths ? Math.min(2, maxSegments) : maxSegments;
}

/** The flows as demands for `Placing`, one row a flow, at judged rates; everything is on the network already. */
export function placingInput(task: Task): ClassPathsInput {
  const { policy, judged, load, avoid } = task;
  const { flows, nodeOf, graph, ecmp, loss, hasSegment } = judged;
  const node = (device: string) => nodeOf.get(device) as number;
  const demands: Demands = {
    row: Int32Array.from(flows.keys()),
    source: Int32Array.from(flows, ({ flow }) => node(flow.headend)),
    target: Int32Array.from(flows, ({ flow }) => node(flow.endpoint)),
    size: Float64Array.from(flows, ({ rate }) => rate),
  };
  return {
    ecmp,
    demands,
    classOf: demands.row,
    classes: flows.map((one) => pathClassOf(one.class)),
    loss,
    target: policy.decide.target,
    maxSegments: segmentsOf(task),
    midpoints: hasSegment,
    avoid,
    inUse: { load, latency: latencyUse(flows, graph.edges) },
  };
}
