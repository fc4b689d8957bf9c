import { type Change, onRouterStates } from "../model/change.ts";
import type { Decision } from "../model/decision.ts";
import type { DeviceName, Network } from "../model/inventory.ts";
import { undoings } from "./displacements.ts";
import { nameOf, type Value } from "./values.ts";

/** What must stand on a router, and by which change. */
export type Standing = Readonly<{ value: Value; changeId: string }>;

/** Last confirmed first: a proposal may wait while a later one is made and taken back. */
const byConfirmation = (changes: readonly Change[]) =>
  changes.filter(({ state }) => state === "confirmed").sort((a, b) => endOf(b) - endOf(a));
const endOf = ({ times, createdMs }: Change) => times.endedMs ?? createdMs;

/**
 * Of every value of which something of ours stands: what the change on it that was confirmed last made of it, the one last confirmed first.
 * A value all of whose changes are undone is nothing of ours, whatever others make of it. `changes` newest first.
 */
export function standingValues(changes: readonly Change[]): readonly Standing[] {
  const undone = undoings(changes);
  const undoers = new Set(undone.values());
  const latest = new Map<string, Standing>();
  const holding = new Set<string>();
  for (const { id, decision } of byConfirmation(changes)) {
    for (const value of decision.changes) {
      const key = `${value.device} ${nameOf(value)}`;
      if (!latest.has(key)) latest.set(key, { value, changeId: id });
      if (!undone.has(id) && !undoers.has(id)) holding.add(key);
    }
  }
  return [...latest].flatMap(([key, standing]) => (holding.has(key) ? standing : []));
}

/** What the last confirmed change that wrote what this query reads has left there. */
export function lastLeft(
  changes: readonly Change[],
  device: DeviceName,
  query: string,
): Readonly<{ changeId: string; expected: string }> | undefined {
  for (const { id, plan } of byConfirmation(changes)) {
    const step = plan.steps.find((one) => one.device === device && one.query === query);
    if (step) return { changeId: id, expected: step.expected };
  }
  return undefined;
}

/** Whether routers are asked for it: a value that has left the inventory is read no more. */
export function isListed(value: Value, { devices, links, flows, prefixes, anycast }: Network): boolean {
  const { device } = value;
  if (!devices.some(({ name }) => name === device)) return false;
  switch (value.action) {
    case "bgp-prepend": {
      const isLink = links.some((one) => one.name === value.link && one.device === device && one.bgp);
      return isLink && prefixes.includes(value.prefix);
    }
    case "segment-routing":
      return flows.some((one) => one.name === value.flow && one.headend === device);
    case "qos":
      return links.some((one) => one.name === value.link && one.device === device && one.qos);
    case "anycast-drain": {
      const sites = anycast.flatMap((service) => service.sites);
      return sites.some((one) => one.name === value.site && one.device === device && one.links.includes(value.link));
    }
  }
}

/** Names what of a router's configuration is read for an action. */
export const sectionOf = (device: DeviceName, action: Decision["action"]) => `${configurationOf(action)} of ${device}`;

function configurationOf(action: Decision["action"]): string {
  switch (action) {
    case "bgp-prepend":
      return "export policies";
    case "segment-routing":
      return "SR policies";
    case "qos":
      return "queues";
    case "anycast-drain":
      return "anycast sites";
  }
}

/** Undefined while a change is on the router, or may be: then it reads what it reads. Otherwise equal as long as none has been. */
export function historyOf(device: DeviceName, changes: readonly Change[]): string | undefined {
  const ours = changes.filter(({ plan }) => plan.steps.some((step) => step.device === device));
  if (ours.some(({ state }) => onRouterStates.includes(state))) return undefined;
  return ours.flatMap(({ id, times }) => (times.pushStartedMs === undefined ? [] : id)).join();
}
