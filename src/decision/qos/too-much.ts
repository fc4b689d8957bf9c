import { formatPercent, formatRate } from "../../kernel/units.ts";
import type { Link, Network, ServedClass } from "../../model/inventory.ts";
import { flowsInScope } from "../../model/scope.ts";
import { floorOf, isPremium, type QosInterface } from "../../te/class-queues.ts";
import { listed } from "../listed.ts";
import type { TooMuch } from "./shares.ts";
import type { Task } from "./task.ts";

/** Why queues do not help on an interface, and whether another path or more capacity does; a sentence with figures. */
export function noQueueHelps(
  task: Task,
  { link, loads }: QosInterface,
  { offered, allowed, because }: TooMuch,
): string {
  const { one, policy } = task;
  const first = loads
    .filter((load) => load.one.name !== one.name && isPremium(one, load.one))
    .map((load) => load.one.name);
  const who =
    first.length === 0 ? `${one.name} alone offers` : `${one.name} and those served before it (${listed(first)}) offer`;
  const limit =
    because === "target"
      ? `over the ${formatPercent(policy.decide.target)} that they may take`
      : `over the ${formatRate(allowed)} that the floors of others leave`;
  const much = `${who} ${formatRate(offered)} on ${link.name}, ${formatPercent(offered / link.capacity)} of it and ${limit}: no queue helps`;
  const share = because === "target" ? policy.decide.target : allowed / link.capacity;
  return `${much}. ${whatWould(task, link, share > 0 ? offered / share : undefined)}`;
}

/** Why queues that would help the class are not for it to have, as others carry what they may not be asked to give. */
export function takesFromOthers(
  task: Task,
  { link, loads }: QosInterface,
  victims: readonly Readonly<{ one: ServedClass }>[],
): string {
  const { one } = task;
  const names = listed(victims.map((victim) => victim.one.name));
  const needed = loads.reduce((sum, load) => {
    const isShed = one.service.sheds.includes(load.one.name);
    return sum + (isShed ? Math.min(load.offered, floorOf(load.one, link.capacity)) : load.offered);
  }, 0);
  const much = `queues for ${one.name} on ${link.name} would take from ${names} what ${victims.length === 1 ? "it carries" : "they carry"} now, and ${one.name} may not hold ${victims.length === 1 ? "it" : "them"} back: ${formatRate(needed)} of its ${formatRate(link.capacity)} must get through`;
  return `${much}. ${whatWould(task, link, needed)}`;
}

/** Another path, or capacity of so many bit/s. */
function whatWould({ one, policy, network }: Task, link: Link, needed: number | undefined): string {
  const steerable = flowsInScope(network, policy).filter(({ endpoint }) => hasSegment(network, endpoint));
  if (steerable.length > 0 && hasWayAround(network, link)) {
    const flows = listed(steerable.map(({ name }) => name));
    return `It needs another path: a segment-routing policy for ${one.name} could steer ${flows}.`;
  }
  const much = needed === undefined ? "" : `, ${formatRate(needed)} or more`;
  return `It needs capacity${much}: there is no other path to steer it to.`;
}

const hasSegment = ({ devices }: Network, name: string) =>
  devices.some((device) => device.name === name && device.segmentRouting !== undefined);

/** Do backbone links lead from one end of this one to the other without it? */
function hasWayAround({ links }: Network, without: Link): boolean {
  const { backbone } = without;
  if (!backbone) return false;
  const reached = new Set([without.device]);
  // A set goes on with what is added while it is walked.
  for (const at of reached) {
    for (const link of links)
      if (link !== without && link.device === at && link.backbone) reached.add(link.backbone.to);
  }
  return reached.has(backbone.to);
}
