import { formatMs, formatPercent, formatRate } from "../kernel/units.ts";
import type { GuardFinding } from "../model/decision.ts";
import type { Link } from "../model/inventory.ts";
import { type Backbone, routeInUse, withHiddenDemand } from "../te/backbone.ts";
import { arrivingLoads, BackboneFailures, backboneLoads, newPaths, shareTakenOff } from "../te/backbone-loads.ts";
import { brokenObjective } from "../te/class-objective.ts";
import { exceeds } from "../te/link-failure.ts";
import type { SegmentRoutingCase } from "./case.ts";
import { freshSamples, headroom, survival } from "./limits.ts";

/** Every backbone link and every flow has a rate that is young enough: the load of any link rests on all of them. */
export function freshness(facts: SegmentRoutingCase): GuardFinding {
  const { state, network, links } = facts;
  const [out, rates] = [state.signals.get("link.rate.out"), state.signals.get("flow.rate")];
  return freshSamples(facts, [
    ...links.map(({ name }) => ({ what: `outbound rate of ${name}`, atMs: out?.get(name)?.toMs })),
    ...network.flows.map(({ name }) => ({ what: `rate of ${name}`, atMs: rates?.get(name)?.toMs })),
  ]);
}

/**
 * Enough of what flows are said to bring to a link is measured there: on every link that the change takes traffic from, and
 * on those that it leads traffic to. Flows then really run where we think they do, and no link that is down looks empty.
 * That a link carries more than its flows is no doubt about them.
 */
export function coverage({ decision, policy, state }: SegmentRoutingCase, backbone: Backbone): GuardFinding {
  const required = policy.guard.coverage;
  const measured = Float64Array.from(
    backbone.links,
    ({ name }) => state.signals.get("link.rate.out")?.get(name)?.value ?? 0,
  );
  const claimed = arrivingLoads(backbone, measured);
  const before = backboneLoads(backbone);
  const after = backboneLoads(backbone, newPaths(decision.changes));
  const figures: string[] = [];
  let allow = true;
  for (const [edge, { name }] of backbone.links.entries()) {
    const [was, is, said] = [before[edge] as number, after[edge] as number, claimed[edge] as number];
    if (said <= 0 || !(exceeds(was, is) || exceeds(is, was))) continue;
    const share = Math.min(1, (measured[edge] as number) / said);
    if (share < required) allow = false;
    figures.push(
      `${formatPercent(share)} of the ${formatRate(said)} of its flows is measured on ${name}; ${formatPercent(required)} is required`,
    );
  }
  return { guard: "coverage", allow, reason: figures.length === 0 ? "no other flow runs there" : figures.join(", ") };
}

/**
 * Off any one link, of what it carries; what is put on links is bounded by the target. Giving back is not limited: a detour
 * that was made for one flow carries nothing else.
 */
export function trafficMoved({ decision, policy }: SegmentRoutingCase, backbone: Backbone): GuardFinding {
  if (decision.intent.kind === "give-back") {
    return { guard: "traffic-moved", allow: true, reason: "what an earlier change has moved may all go back" };
  }
  const off = shareTakenOff(backbone, newPaths(decision.changes));
  const most = Math.max(0, ...off);
  const limit = policy.guard.maxTrafficMoved;
  const of = most > 0 ? ` off ${(backbone.links[off.indexOf(most)] as Link).name}` : "";
  const reason = `takes${of ? `${of} ${formatPercent(most)} of what it carries, the most of any link` : " nothing off any link"}; at most ${formatPercent(limit)} may be`;
  return { guard: "traffic-moved", allow: !exceeds(most, limit), reason };
}

/** Judged with the demand that a saturated link hides. */
export function targetHeadroom(facts: SegmentRoutingCase, backbone: Backbone): GuardFinding {
  const judged = withHiddenDemand(backbone);
  const after = backboneLoads(judged, newPaths(facts.decision.changes));
  return headroom(facts, { links: judged.links, before: backboneLoads(judged), after });
}

/** No flow that is changed runs where its class's delay, loss or stretch is broken. */
export function classObjective({ decision, policy }: SegmentRoutingCase, backbone: Backbone): GuardFinding {
  const guard = "class-objective";
  const figures: string[] = [];
  for (const { flow: name, to } of decision.changes) {
    const flow = backbone.flows.find((one) => one.flow.name === name);
    const route = flow && routeInUse(backbone, flow.flow, to);
    if (!route) return { guard, allow: false, reason: `${name} would have no path` };
    const broken = brokenObjective(backbone, flow, route, policy.decide.maxSegments);
    if (broken) return { guard, allow: false, reason: `${name} would have ${broken}` };
    figures.push(`${name} takes ${formatMs(route.delay)}`);
  }
  return { guard, allow: true, reason: `${figures.join(", ")}: within what their classes ask` };
}

export function linkFailure(facts: SegmentRoutingCase, backbone: Backbone): GuardFinding {
  const { decision, policy } = facts;
  return survival(facts, backbone.physical.length, () => {
    return new BackboneFailures(withHiddenDemand(backbone)).harm(newPaths(decision.changes), policy.decide.target);
  });
}
