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

/** The flows as demands for `Placing`, one row a flow, at judged rates; everything is on the network already. */
export function placingInput({ policy, judged, load, avoid }: Task): ClassPathsInput {
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
    maxSegments: policy.decide.maxSegments,
    midpoints: hasSegment,
    avoid,
    inUse: { load, latency: latencyUse(flows, graph.edges) },
  };
}
