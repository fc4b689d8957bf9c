import { bitsPerSecond, formatPercent, ratio } from "../../kernel/units.ts";
import type { Alternative, DecisionOutcome, FanOutTail, Prediction, QosChange } from "../../model/decision.ts";
import type { ServedClass } from "../../model/inventory.ts";
import { heldBack, type QosInterface, servedBy } from "../../te/class-queues.ts";
import type { QueueService } from "../../te/queueing.ts";
import { fanOutTail } from "../../te/service-level/fan-out.ts";
import type { Task } from "./task.ts";

/** Other queues on an interface. */
export type Requeue = Readonly<{ iface: QosInterface; shares: QosChange["to"] }>;

export function propose(
  task: Task,
  requeues: readonly Requeue[],
  because: string,
  alternatives: readonly Alternative[],
): DecisionOutcome {
  const { intent, one, attribution } = task;
  const fanOut = fanOutOf(task);
  const changes = requeues.map(changeOf).sort((a, b) => (a.link < b.link ? -1 : 1));
  const predicted = { ...predict(requeues), ...(fanOut ? { fanOut } : {}) };
  const reason = fanOut ? `${because} ${describeFanOut(one, fanOut)}` : because;
  const blame = attribution ? { attribution } : {};
  return { kind: "change", decision: { action: "qos", intent, changes, reason, ...blame, predicted, alternatives } };
}

const changeOf = ({ iface: { link, shares: from }, shares: to }: Requeue): QosChange => ({
  action: "qos",
  device: link.device,
  link: link.name,
  from,
  to,
});

/** Queues move nothing to other links, so what each carries of its capacity stays; what is held back is `moved`. */
function predict(requeues: readonly Requeue[]): Prediction {
  let [moved, offered] = [0, 0];
  const queues = requeues.flatMap(({ iface, shares }) => {
    const [before, after] = [servedBy(iface, iface.shares), servedBy(iface, shares)];
    moved += heldBack(iface, shares);
    return iface.loads.map((load, i) => {
      offered += load.offered;
      const outcome = (services: typeof before) => {
        const { carried, delayP99Ms } = services[i] as QueueService;
        return { carried: bitsPerSecond(carried), ...(Number.isFinite(delayP99Ms) ? { delayP99Ms } : {}) };
      };
      const what = { link: iface.link.name, class: load.one.name, offered: bitsPerSecond(load.offered) };
      return { ...what, before: outcome(before), after: outcome(after) };
    });
  });
  const links = requeues.map(({ iface: { link, loads } }) => {
    const sent = loads.reduce((sum, load) => sum + load.offered - load.drops, 0);
    const utilisation = ratio(sent / link.capacity);
    const outcome = { utilisation, costPerHour: 0 };
    return { link: link.name, before: outcome, after: outcome, afterWorstFailure: utilisation };
  });
  return {
    links,
    flows: [],
    queues,
    costPerHour: { before: 0, after: 0, currency: "" },
    moved: bitsPerSecond(moved),
    movedShare: ratio(offered === 0 ? 0 : moved / offered),
  };
}

/** By its first objective on the path: a slow service is not slower for having asked many paths. */
function fanOutOf({ one: { service }, objectives: readings }: Task): FanOutTail | undefined {
  const { fanOut, signals, objectives } = service;
  const paths = signals.filter(({ of }) => of === "path").map(({ name }) => name);
  const objective = objectives.find(({ signal }) => paths.includes(signal));
  if (fanOut === 1 || !objective) return undefined;
  const allowed = 1 - objective.percentile;
  const burn = readings.find((reading) => reading.objective === objective.text)?.burn.fast;
  if (burn === undefined) return { ...fanOutTail(fanOut, allowed), basis: "allowed" };
  // A burn rate is the bad share by the allowed one, and what is read of it a share of its limit.
  const measured = Math.min(1, burn * objective.burn.fast.limit * allowed);
  return { ...fanOutTail(fanOut, measured), basis: "measured" };
}

function describeFanOut({ name }: ServedClass, { paths, slowShare, slowRequests, basis }: FanOutTail): string {
  const [reads, requests] = [formatPercent(slowShare), formatPercent(slowRequests)];
  const tail =
    basis === "measured"
      ? `${reads} of reads are slow now, and so ${requests} of requests`
      : `its objective allows ${reads} slow reads, and so ${requests} slow requests`;
  return `A request of ${name} waits for ${paths} paths: ${tail}.`;
}
