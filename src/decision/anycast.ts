import { assert } from "../kernel/assert.ts";
import { bitsPerSecond, formatPercent, formatRate, ratio } from "../kernel/units.ts";
import type { SiteAnnouncement } from "../model/anycast.ts";
import type { Alternative, AnycastChange, DecisionOutcome, Intent, Prediction } from "../model/decision.ts";
import type { AnycastService, LinkName, Network, SiteName } from "../model/inventory.ts";
import type { NetworkState } from "../model/network-state.ts";
import type { AnycastPolicy } from "../model/policy.ts";
import { anycastService, sitesOf } from "../model/scope.ts";
import { anycastTraffic } from "../te/anycast-traffic.ts";

export type AnycastInput = Readonly<{
  intent: Intent;
  policy: AnycastPolicy;
  network: Network;
  state: NetworkState;
  /** How every site is announced now. */
  sites: readonly SiteAnnouncement[];
}>;

/** The next step for a site: out of its service while it is not well, drained first and then withdrawn; and back the same way. */
export function decideAnycast(input: AnycastInput): DecisionOutcome {
  return input.intent.kind === "give-back" ? giveBack(input) : takeOut(input);
}

function takeOut(input: AnycastInput): DecisionOutcome {
  const { intent, policy } = input;
  const { target } = intent;
  const why = `${target} is not well: it ${input.state.sites.get(target)?.reason ?? "was not probed"}`;
  const here = announcedFor(input);
  const announced = here.filter(({ state }) => state === "announced");
  const drained = here.filter(({ state }) => state === "drained");
  const step = announced.length > 0 ? announced : drained;
  if (step.length === 0) return { kind: "nothing-helps", reason: `${why}. It is withdrawn already`, alternatives: [] };
  const to = announced.length > 0 ? "drained" : "withdrawn";
  const changes = step.map((from) => change(from, to, policy.decide.prepends));
  const traffic = trafficOf(input);
  const what =
    to === "drained"
      ? `It is drained (${policy.decide.prepends} prepends and community 65535:0) on ${linksOf(step)}`
      : `Drained, it is still unwell, and is withdrawn on ${linksOf(step)}`;
  const reason = `${why}. ${what}; ${others(input)}. ${traffic.text}`;
  const alternatives = to === "drained" ? insteadOfDraining(input, traffic.text) : insteadOfWithdrawing(target);
  return outcome(input, changes, reason, alternatives, traffic.moved);
}

function giveBack(input: AnycastInput): DecisionOutcome {
  const { intent } = input;
  assert(intent.kind === "give-back", "there is something to give back");
  const { target } = intent;
  const here = announcedFor(input);
  const changes = intent.changes.flatMap((one) => {
    assert(one.action === "anycast-drain", "a site is given back what was done to a site");
    const now = here.find(({ link }) => link === one.link);
    return now?.state === one.to ? [change(now, one.from, one.prepends)] : [];
  });
  const [first] = changes;
  const well = `${target} is well again: it ${input.state.sites.get(target)?.reason ?? "was not probed"}`;
  if (!first) {
    const reason = `${well}. Nothing that ${intent.changeId} did to it stands any more`;
    return { kind: "nothing-helps", reason, alternatives: [] };
  }
  const alternatives = [
    first.to === "drained"
      ? {
          summary: `announce ${target} as before at once`,
          whyNot: "drained first, it gets little traffic until that has held",
        }
      : { summary: `leave ${target} drained`, whyNot: "a site that is well carries nothing" },
  ];
  const reason = `${well}. It goes back from ${first.from} to ${first.to} on ${linksOf(changes)}`;
  return outcome(input, changes, reason, alternatives, 0);
}

function change(
  { site, device, link, prefix, state }: SiteAnnouncement,
  to: AnycastChange["to"],
  prepends: number,
): AnycastChange {
  return { action: "anycast-drain", device, link, site, prefix, prepends, from: state, to };
}

function outcome(
  { intent, network, policy }: AnycastInput,
  changes: readonly AnycastChange[],
  reason: string,
  alternatives: readonly Alternative[],
  moved: number,
): DecisionOutcome {
  const predicted: Prediction = {
    links: [],
    flows: [],
    costPerHour: { before: 0, after: 0, currency: "" },
    moved: bitsPerSecond(moved),
    movedShare: ratio(1 / sitesOf(network, policy.scope.anycast).length),
  };
  return { kind: "change", decision: { action: "anycast-drain", intent, changes, reason, predicted, alternatives } };
}

const announcedFor = ({ sites, intent }: AnycastInput) =>
  sites.filter(({ site }) => site === intent.target).toSorted((a, b) => (a.link < b.link ? -1 : 1));

const linksOf = (all: readonly { link: string }[]) => all.map(({ link }) => link).join(" and ");

function insteadOfDraining({ intent: { target } }: AnycastInput, traffic: string): Alternative[] {
  return [
    {
      summary: `withdraw ${target} at once`,
      whyNot: "what is under way to it would be lost; drained, its route stands until traffic has found another",
    },
    { summary: "do nothing", whyNot: `${target} goes on answering users. ${traffic}` },
  ];
}

const insteadOfWithdrawing = (target: SiteName): Alternative[] => [
  {
    summary: `leave ${target} drained`,
    whyNot: "networks that look at neither path length nor community still send to it",
  },
];

/** Which sites are to carry on. */
function others({ network, policy, state, intent, sites }: AnycastInput): string {
  const isAnnounced = (site: SiteName, link: LinkName) =>
    sites.some((one) => one.site === site && one.link === link && one.state === "announced");
  const well = sitesOf(network, policy.scope.anycast).filter(({ name, links }) => {
    const announced = links.every((link) => isAnnounced(name, link));
    return name !== intent.target && announced && state.sites.get(name)?.well;
  });
  const { minSites } = serviceOf(network, policy);
  if (well.length === 0) return `no other site is well and announced, at least ${minSites} must be`;
  return `${well.map(({ name }) => name).join(" and ")} ${well.length === 1 ? "carries" : "carry"} on, at least ${minSites} must`;
}

/** What the site gets of its service's traffic, where prefix rates are measured. */
function trafficOf(input: AnycastInput): { moved: number; text: string } {
  const { network, policy, state, intent } = input;
  const own = new Set(announcedFor(input).map(({ link }) => link));
  const freshMs = policy.guard.freshnessIntervals * network.telemetry.intervalMs;
  const traffic = anycastTraffic(serviceOf(network, policy), own, state, freshMs);
  if (!traffic) return { moved: 0, text: `How much traffic ${intent.target} gets is not measured` };
  const { on: moved, total } = traffic;
  const share = total > 0 ? ` (${formatPercent(moved / total)} of the service's)` : "";
  return { moved, text: `It gets ${formatRate(moved)}${share}` };
}

function serviceOf(network: Network, policy: AnycastPolicy): AnycastService {
  const service = anycastService(network, policy.scope.anycast);
  assert(service, `${policy.name} is for an anycast service of the inventory`);
  return service;
}
