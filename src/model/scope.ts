import type { AnycastService, AnycastSite, Flow, Link, Network, Prefix, ServedClass } from "./inventory.ts";
import type { Policy } from "./policy.ts";

const byName = <T extends { name: string }>(all: readonly T[]) => all.toSorted((a, b) => (a.name < b.name ? -1 : 1));

/** The links whose loads a policy answers for, by name, so that no result depends on the order of the inventory. */
export function linksInScope(network: Network, { scope }: Pick<Policy, "scope">): Link[] {
  if ("class" in scope) return byName(network.links.filter(({ qos }) => qos));
  const role = "links" in scope ? scope.links.role : "backbone";
  return byName(network.links.filter((link) => link.role === role));
}

/** The flows whose paths a policy answers for, by name: of its class, or of any class that asks for low latency. */
export function flowsInScope({ flows, classes }: Network, { scope }: Pick<Policy, "scope">): Flow[] {
  const ofInterest =
    "flows" in scope || "class" in scope
      ? ["flows" in scope ? scope.flows.class : scope.class]
      : classes.filter(({ prefers }) => prefers === "latency").map(({ name }) => name);
  return byName(flows.filter((flow) => ofInterest.includes(flow.class)));
}

/** The service classes, by name. */
export const serviceClasses = ({ classes }: Network): ServedClass[] =>
  byName(classes.filter((one): one is ServedClass => one.service !== undefined));

/** The service class of that name. */
export const servedClass = ({ classes }: Network, name: string): ServedClass | undefined =>
  classes.find((one): one is ServedClass => one.name === name && one.service !== undefined);

/** The anycast service of that name. */
export const anycastService = ({ anycast }: Network, name: string): AnycastService | undefined =>
  anycast.find((service) => service.name === name);

/** The sites of an anycast service, by name. */
export const sitesOf = (network: Network, service: string): AnycastSite[] =>
  byName(anycastService(network, service)?.sites ?? []);

/**
 * The anycast service whose prefix this is. How its sites announce it says how well they are: nothing else may steer by it, or a
 * prepend on a well site would send users to a drained one.
 */
export const anycastServiceOf = ({ anycast }: Network, prefix: Prefix): AnycastService | undefined =>
  anycast.find((service) => service.prefix === prefix);

/** The names of what a policy decides about, one at a time: links, flows, sites, or the one class or thing that it is for. */
export function targetsOf(network: Network, policy: Pick<Policy, "scope">): string[] {
  const { scope } = policy;
  if ("drain" in scope) return [scope.drain];
  if ("class" in scope) return [scope.class];
  if ("anycast" in scope) return sitesOf(network, scope.anycast).map(({ name }) => name);
  const watched = "links" in scope ? linksInScope(network, policy) : flowsInScope(network, policy);
  return watched.map(({ name }) => name);
}

/** The links that a drain must empty: both directions of the link, or every backbone link from and to the router. */
export function drainedLinks({ links }: Network, drained: string): Link[] {
  const link = links.find(({ name, backbone }) => backbone && name === drained);
  if (link) return byName([link, ...opposite(links, link)]);
  return byName(links.filter(({ device, backbone }) => backbone && [device, backbone.to].includes(drained)));
}

/** The other direction: of several parallel links the one that has the same place among them by name. */
function opposite(links: readonly Link[], { name, device, backbone }: Link): Link[] {
  const between = (from: string, to: string | undefined) =>
    byName(links.filter((link) => link.device === from && link.backbone?.to === to));
  const place = between(device, backbone?.to).findIndex((link) => link.name === name);
  const back = between(backbone?.to ?? "", device)[place];
  return back ? [back] : [];
}
