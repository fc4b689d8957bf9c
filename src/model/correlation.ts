/**
 * What joins all that is told of one breach: the sample that crossed, the decision, the change, what its routers did, the verdict.
 * `policy/target/time`, the time that of the first sample over the threshold (or, of a give-back, of the one that was calm for long
 * enough). Nothing in it is random, so a replayed breach has the same; names have no slash.
 */
export type Correlation = string;

export const correlationOf = (policy: string, target: string, crossedMs: number): Correlation =>
  `${policy}/${target}/${new Date(crossedMs).toISOString()}`;
