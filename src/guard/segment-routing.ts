import {
  type CandidatePath,
  type GuardFinding,
  type SegmentRoutingChange,
  samePath,
  samePaths,
} from "../model/decision.ts";
import type { Network } from "../model/inventory.ts";
import { type Backbone, drainedEdges, inUse, routeInUse } from "../te/backbone.ts";
import type { SegmentRoutingCase } from "./case.ts";

/** Only flows that the inventory names, on their headend, and new paths only over our own routers to the flow's endpoint. */
export function allowList({ decision, network, policy }: SegmentRoutingCase): GuardFinding {
  const guard = "allow-list";
  for (const change of decision.changes) {
    const stranger = strange(change, network, policy.decide.maxSegments);
    if (stranger !== undefined) return { guard, allow: false, reason: stranger };
  }
  const flows = decision.changes.map(({ flow }) => flow).join(", ");
  return { guard, allow: true, reason: `${flows} in the inventory, and every segment one of our routers` };
}

function strange(change: SegmentRoutingChange, { flows, devices }: Network, maxSegments: number): string | undefined {
  const flow = flows.find(({ name }) => name === change.flow);
  if (!flow) return `${change.flow} is not a flow of the inventory`;
  if (flow.headend !== change.device) {
    return `${flow.name} starts at ${flow.headend}, and the change is for ${change.device}`;
  }
  if (flow.color !== change.color || flow.endpoint !== change.endpoint) {
    return `${flow.name} is color ${flow.color} to ${flow.endpoint}, and the change is for color ${change.color} to ${change.endpoint}`;
  }
  for (const { segments } of added(change)) {
    const foreign = segments.find((name) => !devices.some((device) => device.name === name && device.segmentRouting));
    if (foreign !== undefined) return `${flow.name} would go by ${foreign}, which has no segment in the inventory`;
    if (segments.at(-1) !== flow.endpoint) {
      return `${flow.name} ends at ${flow.endpoint}, and its new path at ${segments.at(-1) ?? "no router"}`;
    }
    if (segments.length > maxSegments) {
      return `the new path of ${flow.name} has ${segments.length} segments; at most ${maxSegments} are allowed`;
    }
  }
  return undefined;
}

const added = ({ from, to }: SegmentRoutingChange): CandidatePath[] =>
  to.filter((path) => !from.some((other) => samePath(path, other)));

/**
 * A change that adds a path adds one, above all that are there, and leaves the one in use as it is. One that adds none only
 * takes away: traffic then goes where a path stands already, at last the IGP's.
 */
export function makeBeforeBreak({ decision }: SegmentRoutingCase, backbone: Backbone): GuardFinding {
  const guard = "make-before-break";
  for (const change of decision.changes) {
    const flow = backbone.flows.find(({ flow: { name } }) => name === change.flow);
    const broken = breaks(change, flow && inUse(backbone, flow.flow, change.from)?.path);
    if (broken !== undefined) return { guard, allow: false, reason: `${change.flow}: ${broken}` };
  }
  return { guard, allow: true, reason: "no path in use is edited, and none makes way before another stands" };
}

/** `used`: what carries the flow now; none when the IGP does. */
function breaks(change: SegmentRoutingChange, used: CandidatePath | undefined): string | undefined {
  const { from, to } = change;
  if (samePaths(from, to)) return "nothing is changed";
  const fresh = added(change);
  const [path] = fresh;
  if (!path) return undefined;
  if (fresh.length > 1) return `${fresh.length} paths are added at once`;
  const top = Math.max(...from.map(({ preference }) => preference));
  if (path.preference <= top)
    return `the new path has preference ${path.preference}, not above the ${top} of those there are`;
  if (used && !to.some((kept) => samePath(kept, used)))
    return "the path in use would be taken away before the new one carries it";
  return undefined;
}

/** Nothing is led to what any policy drains; what is there already may stay there. */
export function drain({ decision, network, drained }: SegmentRoutingCase, backbone: Backbone): GuardFinding {
  const guard = "drain";
  const closed = drainedEdges(network, backbone, drained);
  for (const change of decision.changes) {
    const flow = backbone.flows.find(({ flow: { name } }) => name === change.flow);
    const entered =
      flow &&
      routeInUse(backbone, flow.flow, change.to)?.edges.find(
        (edge) => closed[edge] === 1 && !flow.route?.edges.includes(edge),
      );
    if (entered === undefined) continue;
    const reason = `${change.flow} would be led by ${backbone.links[entered]?.name}, which is drained`;
    return { guard, allow: false, reason };
  }
  const reason =
    drained.length === 0 ? "nothing is drained" : `nothing is led to ${drained.join(" or ")}, which is drained`;
  return { guard, allow: true, reason };
}

/** The decision was made from what the headends have; when that has changed since, so might the decision. */
export function unchangedBasis({ decision, steering }: SegmentRoutingCase): GuardFinding {
  const guard = "unchanged-basis";
  const seen = new Set<string>();
  for (const { flow, device, from } of decision.changes) {
    if (seen.has(flow)) return { guard, allow: false, reason: `${flow} is changed twice` };
    seen.add(flow);
    const now = steering.find((one) => one.flow === flow && one.device === device);
    if (!now) return { guard, allow: false, reason: `what ${device} has for ${flow} is not known` };
    if (!samePaths(now.paths, from)) {
      const reason = `${device} has ${describe(now.paths)} for ${flow}, not the ${describe(from)} it was decided on`;
      return { guard, allow: false, reason };
    }
  }
  return { guard, allow: true, reason: "the headends have what it was decided on" };
}

const describe = (paths: readonly CandidatePath[]) =>
  paths.map(({ preference, segments }) => `${preference} by ${segments.join(" ")}`).join(", ") || "no SR policy";
