import { Failure, fail, ok, type Result } from "../kernel/failure.ts";
import type { MayEnd } from "../model/controller.ts";
import type { Switches } from "../model/journal.ts";

type Freeze = Readonly<{ by: string; untilMs: number; reason: string }>;

/** A second kill adds its name to the first: nobody makes another's kill their own, which they could then end. */
export function killed(now: Switches, by: string, reason: string): Switches {
  return { ...now, killed: now.killed ? { ...now.killed, ...joining(now.killed, by) } : { by, reason } };
}

/** A freeze may be made longer by anyone, and shorter by whoever is alone in it: the others' word holds until `resume`. */
export function frozen(now: Switches, { by, untilMs, reason }: Freeze, nowMs: number): Result<Switches> {
  if (untilMs <= nowMs) {
    const mend = "send a time to come, in ms since the epoch; to end a freeze: pointsman resume";
    return fail(new Failure("CONFIG_INVALID", `bad request: untilMs: ${isoTime(untilMs)} is over`, { mend }));
  }
  const standing = now.frozen && now.frozen.untilMs > nowMs ? now.frozen : null;
  const [other] = standing ? stoppers(standing).filter((name) => name !== by) : [];
  if (!standing || other === undefined) return ok({ ...now, frozen: { untilMs, by, reason } });
  if (untilMs <= standing.untilMs) {
    const mend = "wait until then, or have an administrator end it: pointsman resume";
    const message = `${other} has frozen changes until ${isoTime(standing.untilMs)} already`;
    return fail(new Failure("NOTHING_TO_DO", message, { mend }));
  }
  return ok({ ...now, frozen: { ...standing, untilMs, ...joining(standing, by) } });
}

/** Ends both; `mayEnd` is asked about whoever else has stopped something. */
export function resumed(now: Switches, by: string, mayEnd: MayEnd, nowMs: number): Result<Switches> {
  const stops = [now.killed, now.frozen && now.frozen.untilMs > nowMs ? now.frozen : null].flatMap((one) => one ?? []);
  if (stops.length === 0) {
    return fail(new Failure("NOTHING_TO_DO", "nothing is frozen or killed", { mend: "pointsman status shows it" }));
  }
  const other = stops.flatMap(stoppers).find((name) => name !== by);
  const lacking = other === undefined ? undefined : mayEnd(other);
  return lacking ? fail(lacking) : ok({ frozen: null, killed: null });
}

type Stop = NonNullable<Switches["killed"]>;
const stoppers = ({ by, also = [] }: Stop): string[] => [by, ...also];
const joining = (stop: Stop, by: string) => (stoppers(stop).includes(by) ? {} : { also: [...(stop.also ?? []), by] });
const isoTime = (ms: number) => new Date(ms).toISOString();
