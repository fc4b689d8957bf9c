import { covers, parseAllowed } from "../kernel/prefix.ts";
import type { Prefix } from "../model/inventory.ts";
import type { Vrp } from "../model/route-origins.ts";

/** RFC 6811 2. `not-found`: nobody has said who may originate it. `invalid`: others may, or no prefix as long. */
export type OriginValidity = "valid" | "invalid" | "not-found";

/** A route's validity, and the VRPs that cover its prefix, which it rests on. */
export function originValidity(
  vrps: readonly Vrp[],
  route: Readonly<{ prefix: Prefix; as: number }>,
): Readonly<{ validity: OriginValidity; covering: readonly Vrp[] }> {
  const block = parseAllowed(route.prefix);
  const covering = vrps.filter(({ prefix }) => covers(parseAllowed(prefix), block));
  const matches = covering.some(({ as, maxLength }) => as !== 0 && as === route.as && block.length <= maxLength);
  return { validity: covering.length === 0 ? "not-found" : matches ? "valid" : "invalid", covering };
}
