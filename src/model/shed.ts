/**
 * How far a service class is to go in offering less. 0: nothing is asked. 1: a change that would hold it back is proposed,
 * so that what is offered less now is not dropped later. 2: it is held back, or is about to be. 3: it is held at its floor.
 */
export type ShedDegree = 0 | 1 | 2 | 3;

/** What a service class is asked for now, told to gateways so that they shorten answers or queue work before packets drop. */
export type ShedLevel = Readonly<{
  class: string;
  level: ShedDegree;
  /** By which change, where, to what: one line. */
  reason: string;
  /** The earliest time at which this may be over; `null` where that is not known, and at level 0. */
  untilMs: number | null;
}>;
