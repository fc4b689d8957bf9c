import { formatMs, formatPercent } from "../kernel/units.ts";
import type { SteeredFlow, Topology } from "./backbone.ts";
import { leastDelay, meets, pathClassOf, pathLimits } from "./segment-routing/class-paths.ts";
import { lossOf, type Route } from "./segment-routing/segment-path.ts";

/** What a flow's class asks and this route does not give, with figures: "16 ms, over the 10 ms of inference". */
export function brokenObjective(
  { ecmp, hasSegment, loss }: Topology,
  { class: itsClass }: Pick<SteeredFlow, "class">,
  route: Route,
  maxSegments: number,
): string | undefined {
  const [source, target] = [route.nodes[0] as number, route.nodes.at(-1) as number];
  const shortest = leastDelay({ ecmp, maxSegments, midpoints: hasSegment }, source, target);
  const limits = pathLimits(pathClassOf(itsClass), shortest);
  const has = { delay: route.delay, loss: lossOf(route, loss) };
  if (meets(limits, has)) return undefined;
  if (!meets(limits, { ...has, loss: 0 })) {
    return `${formatMs(has.delay)}, over the ${formatMs(limits.delay)} of ${itsClass.name}`;
  }
  return `a loss of ${formatPercent(has.loss)}, over the ${formatPercent(limits.loss)} of ${itsClass.name}`;
}
