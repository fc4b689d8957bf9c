import { assert } from "../kernel/assert.ts";
import type { GuardFinding } from "../model/decision.ts";
import { isAnycast, isPrepend, isQos, isSegmentRouting } from "../model/policy.ts";
import { linksInScope } from "../model/scope.ts";
import { type Backbone, backboneOf } from "../te/backbone.ts";
import { type InboundTraffic, inboundTraffic } from "../te/bgp-preference.ts";
import * as anycast from "./anycast.ts";
import type { AnycastCase, GuardInput, PrependCase, QosCase, SegmentRoutingCase } from "./case.ts";
import { maxDevices } from "./limits.ts";
import * as prepend from "./prepend.ts";
import * as inbound from "./prepend-traffic.ts";
import * as qos from "./qos.ts";
import * as queued from "./qos-traffic.ts";
import * as routes from "./route-leak.ts";
import * as steering from "./segment-routing.ts";
import * as steered from "./segment-routing-traffic.ts";
import { freezeWindow, killSwitch, oneChangeInFlight } from "./timing.ts";

/**
 * Every guard's word on a decision, always all of them and in one order, each with its figures. One denial is enough,
 * whoever approved. Asked again right before a push, as the facts may have changed since the proposal.
 */
export function judgeGuards(input: GuardInput): readonly GuardFinding[] {
  const { decision, policy, network } = input;
  assert(decision.changes.length > 0, "a decision changes something");
  const links = linksInScope(network, policy);
  if (decision.action === "bgp-prepend") {
    assert(isPrepend(policy), `${policy.name} decides on prepends`);
    return prependFindings({ ...input, policy, decision, links });
  }
  if (decision.action === "qos") {
    assert(isQos(policy), `${policy.name} decides on queues`);
    return qosFindings({ ...input, policy, decision, links });
  }
  if (decision.action === "anycast-drain") {
    assert(isAnycast(policy), `${policy.name} decides on anycast sites`);
    return anycastFindings({ ...input, policy, decision });
  }
  assert(isSegmentRouting(policy), `${policy.name} decides on segment routing`);
  return segmentRoutingFindings({ ...input, policy, decision, links });
}

function prependFindings(facts: PrependCase): GuardFinding[] {
  const known = inboundTraffic(facts.links, facts.state, facts.announcements);
  /** Guards that work out where traffic goes: without the links' rates they deny. */
  const on = (guard: string, judge: (facts: PrependCase, traffic: InboundTraffic) => GuardFinding): GuardFinding => {
    if ("traffic" in known) return judge(facts, known.traffic);
    return { guard, allow: false, reason: `the inbound rate of ${known.unmeasured.join(" and ")} is not known` };
  };
  return [
    killSwitch(facts),
    freezeWindow(facts),
    oneChangeInFlight(facts),
    prepend.allowList(facts),
    routes.noMoreSpecifics(facts),
    routes.rpkiData(facts),
    routes.rpki(facts),
    prepend.scope(facts),
    prepend.unchangedBasis(facts),
    maxDevices(facts),
    prepend.prependCap(facts),
    routes.prependedEverywhere(facts),
    inbound.freshness(facts),
    on("coverage", inbound.coverage),
    on("traffic-moved", inbound.trafficMoved),
    on("target-headroom", inbound.targetHeadroom),
    on("link-failure", inbound.linkFailure),
  ];
}

function segmentRoutingFindings(facts: SegmentRoutingCase): GuardFinding[] {
  const known = backboneOf(facts.network, facts.state, facts.steering);
  /** Guards that work out where flows run: without every rate and every headend they deny. */
  const on = (guard: string, judge: (facts: SegmentRoutingCase, backbone: Backbone) => GuardFinding): GuardFinding => {
    if ("backbone" in known) return judge(facts, known.backbone);
    return { guard, allow: false, reason: `not known: ${known.unknown.join(", ")}` };
  };
  return [
    killSwitch(facts),
    freezeWindow(facts),
    oneChangeInFlight(facts),
    steering.allowList(facts),
    on("make-before-break", steering.makeBeforeBreak),
    on("drain", steering.drain),
    steering.unchangedBasis(facts),
    maxDevices(facts),
    steered.freshness(facts),
    on("coverage", steered.coverage),
    on("traffic-moved", steered.trafficMoved),
    on("target-headroom", steered.targetHeadroom),
    on("class-objective", steered.classObjective),
    on("link-failure", steered.linkFailure),
  ];
}

function qosFindings(facts: QosCase): GuardFinding[] {
  const known = queued.changedInterfaces(facts);
  /** Guards that work out what a class gets: without everything measured there they deny. */
  const on = (
    guard: string,
    judge: (facts: QosCase, changed: readonly queued.Changed[]) => GuardFinding,
  ): GuardFinding => {
    if ("changed" in known) return judge(facts, known.changed);
    return { guard, allow: false, reason: `not known: ${known.unknown.join(", ")}` };
  };
  return [
    killSwitch(facts),
    freezeWindow(facts),
    oneChangeInFlight(facts),
    qos.allowList(facts),
    qos.whole(facts),
    qos.unchangedBasis(facts),
    maxDevices(facts),
    qos.maxInterfaces(facts),
    qos.budget(facts),
    qos.stillNeeded(facts),
    queued.freshness(facts),
    qos.feasible(facts),
    qos.floors(facts),
    qos.shedOrder(facts),
    on("coverage", queued.coverage),
    on("premium", queued.premium),
    on("bystanders", queued.bystanders),
    on("traffic-held-back", queued.trafficHeldBack),
  ];
}

function anycastFindings(facts: AnycastCase): GuardFinding[] {
  return [
    killSwitch(facts),
    freezeWindow(facts),
    oneChangeInFlight(facts),
    anycast.allowList(facts),
    routes.rpkiData(facts),
    routes.rpki(facts),
    anycast.oneStep(facts),
    anycast.unchangedBasis(facts),
    maxDevices(facts),
    anycast.freshness(facts),
    anycast.targetHealth(facts),
    anycast.trafficMoved(facts),
    anycast.minSites(facts),
    anycast.lastAnnouncement(facts),
    routes.drainedEverywhere(facts),
  ];
}

/** The first guard that says no: it overrides all that say yes. */
export function denied(findings: readonly GuardFinding[]): GuardFinding | undefined {
  return findings.find((finding) => !finding.allow);
}
