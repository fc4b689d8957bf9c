import type { Flow, Link, Network } from "./inventory.ts";
import type { Policy } from "./policy.ts";

const byName = <T extends { name: string }>(all: readonly T[]) => all.toSorted((a, b) => (a.name < b.name ? -1 : 1));

/** The links whose loads a policy answers for, by name, so that no result depends on the order of the inventory. */
export function linksInScope(network: Network, { scope }: Pick<Policy, "scope">): Link[] {
  const role = "links" in scope ? scope.links.role : "backbone";
  return byName(network.links.filter((link) => link.role === role));
}

/** The flows whose paths a policy answers for, by name: of its class, or of any class that asks for low latency. */
export function flowsInScope({ flows, classes }: Network, { scope }: Pick<Policy, "scope">): Flow[] {
  const ofInterest =
    "flows" in scope
      ? [scope.flows.class]
      : classes.filter(({ prefers }) => prefers === "latency").map(({ name }) => name);
  return byName(flows.filter((flow) => ofInterest.includes(flow.class)));
}

/** The names of what a policy decides about, one at a time: links, flows, or the one thing that it drains. */
export function targetsOf(network: Network, policy: Pick<Policy, "scope">): string[] {
  const { scope } = policy;
  if ("drain" in scope) return [scope.drain];
  const watched = "links" in scope ? linksInScope(network, policy) : flowsInScope(network, policy);
  return watched.map(({ name }) => name);
}

/** The links that a drain must empty: the link itself, or every backbone link from and to the router. */
export function drainedLinks({ links }: Network, drained: string): Link[] {
  return byName(
    links.filter(({ name, device, backbone }) => backbone && [name, device, backbone.to].includes(drained)),
  );
}
