import { ratio } from "../../kernel/units.ts";
import type { FanOutTail } from "../../model/decision.ts";

/** Share of requests that wait for at least one of `paths` slow ones, each slow with probability `slowShare`: 1 - (1 - p)^n, exact for tiny p. */
export function fanOutTail(paths: number, slowShare: number): FanOutTail {
  const slowRequests = -Math.expm1(paths * Math.log1p(-slowShare));
  return { paths, slowShare: ratio(slowShare), slowRequests: ratio(slowRequests) };
}
