import { formatMs, formatPercent, formatRate } from "../../kernel/units.ts";
import type { FlowPrediction, LinkPrediction, Prediction } from "../../model/decision.ts";
import { exceeds } from "../../te/link-failure.ts";
import { hiddenDemand } from "../../te/link-limits.ts";
import { capitalised } from "../capitalised.ts";
import { listed } from "../listed.ts";
import { describeWay, type Move } from "./move.ts";
import type { Task } from "./task.ts";

/** "steer training-1 (4 Gbit/s) by r3 (8 ms)": each flow with its rate, its way and the delay there. */
export function describeMoves({ backbone }: Task, moves: readonly Move[]): string {
  const each = moves.map((move) => {
    const { flow, rate } = backbone.flows[move.flow] as (typeof backbone.flows)[number];
    return `${flow.name} (${formatRate(rate)}) ${describeWay(move)}`;
  });
  return `steer ${listed(each)}`;
}

/** What is done and what comes of it, in one sentence; `about`: the links that it is for. */
export function describeChange(
  task: Task,
  moves: readonly Move[],
  predicted: Prediction,
  about: readonly string[],
): string {
  const effects = [
    takes(predicted.links, about),
    fills(predicted.links),
    delays(predicted.flows),
    allowance(task, moves),
  ];
  const effect = effects.filter((text) => text !== "").join("; ");
  return `${capitalised(describeMoves(task, moves))}${effect === "" ? "" : `: ${effect}`}.`;
}

const fromTo = ({ link, before, after }: LinkPrediction) =>
  `${link} from ${formatPercent(before.utilisation)} to ${formatPercent(after.utilisation)}`;

function takes(links: readonly LinkPrediction[], about: readonly string[]): string {
  const relieved = links.filter(({ link, before, after }) => {
    return about.includes(link) && exceeds(before.utilisation, after.utilisation);
  });
  return relieved.length === 0 ? "" : `that takes ${listed(relieved.map(fromTo))}`;
}

/** Of the links that get traffic, the fullest. */
function fills(links: readonly LinkPrediction[]): string {
  const gaining = links.filter(({ before, after }) => exceeds(after.utilisation, before.utilisation));
  const [fullest] = gaining.toSorted((a, b) => b.after.utilisation - a.after.utilisation);
  if (!fullest) return "";
  if (gaining.length === 1)
    return `only ${fullest.link} gets more traffic, ${fromTo(fullest).slice(fullest.link.length + 1)}`;
  return `of the ${gaining.length} links that get more traffic, the fullest is ${fromTo(fullest)}`;
}

function delays(flows: readonly FlowPrediction[]): string {
  const longer = flows.map(({ before, after }) => after.delayMs - before.delayMs);
  const [most, least] = [Math.max(...longer), Math.min(...longer)];
  if (most === 0 && least === 0) return "no flow's path gets longer";
  if (most <= 0) return `its path gets ${formatMs(-least)} shorter`;
  return flows.length === 1
    ? `its path gets ${formatMs(most)} longer`
    : `no path gets more than ${formatMs(most)} longer`;
}

function allowance({ judged, backbone }: Task, moves: readonly Move[]): string {
  if (judged === backbone) return "";
  const hidden = moves.some(({ flow }) => (judged.flows[flow]?.rate ?? 0) > (backbone.flows[flow]?.rate ?? 0));
  if (!hidden) return "";
  return `a link on the way is full, so these figures are lower bounds and limits were judged on ${hiddenDemand} times what crosses it`;
}

/** "r1-r2 stays at 91%": links over the target that the change is not for. */
export function stillOver(links: readonly LinkPrediction[], about: readonly string[], target: number): string {
  const over = links.filter(({ link, after }) => !about.includes(link) && exceeds(after.utilisation, target));
  if (over.length === 0) return "";
  const named = listed(over.map(({ link, after }) => `${link} at ${formatPercent(after.utilisation)}`));
  return ` ${named} ${over.length === 1 ? "stays" : "stay"} over the ${formatPercent(target)} target, no fuller than before.`;
}
