import { formatPercent, formatRate } from "../../kernel/units.ts";
import type { Link, Network } from "../../model/inventory.ts";
import { flowsInScope } from "../../model/scope.ts";
import type { QosInterface } from "../../te/class-queues.ts";
import { listed } from "../listed.ts";
import { isPremium, type TooMuch } from "./shares.ts";
import type { Task } from "./task.ts";

/** Why queues do not help on an interface, and whether another path or more capacity does; a sentence with figures. */
export function noQueueHelps(
  task: Task,
  { link, loads }: QosInterface,
  { offered, allowed, because }: TooMuch,
): string {
  const { one, policy, network } = task;
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
  const steerable = flowsInScope(network, policy).filter(({ endpoint }) => hasSegment(network, endpoint));
  if (steerable.length > 0 && hasWayAround(network, link)) {
    const flows = listed(steerable.map(({ name }) => name));
    return `${much}. It needs another path: a segment-routing policy for ${one.name} could steer ${flows}.`;
  }
  const share = because === "target" ? policy.decide.target : allowed / link.capacity;
  const needed = share > 0 ? `, ${formatRate(offered / share)} or more` : "";
  return `${much}. It needs capacity${needed}: there is no other path to steer it to.`;
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
