import { ratio } from "../../kernel/units.ts";
import type { FanOutTail } from "../../model/decision.ts";

/**
 * A request that waits for `paths` reads in parallel is as slow as the slowest: 1 - (1 - p)^n of requests are slow.
 * Exact for tiny `slowShare`, where 1 - p is 1. Source: Dean and Barroso, "The Tail at Scale", CACM 56(2), 2013.
 */
export const fanOutTail = (paths: number, slowShare: number): Omit<FanOutTail, "basis"> => ({
  paths,
  slowShare: ratio(slowShare),
  slowRequests: ratio(slowShare >= 1 ? 1 : -Math.expm1(paths * Math.log1p(-slowShare))),
});
