import type { Attribution, AttributionEvidence, ClassHealth, SignalSeries } from "../../model/class-health.ts";
import type { ServedClass } from "../../model/inventory.ts";
import type { ClassSignal, ServiceClass } from "../../model/service-class.ts";
import { baselineOf, isBeyond, median } from "./baseline.ts";
import { strongestCorrelation } from "./correlation.ts";
import { silentIntervals } from "./objective-window.ts";
import { onsetMs } from "./onset.ts";
import { formatClassValue, type Symptom, symptomOf, worseSide } from "./symptom.ts";

/** Together from here on. */
const leastCorrelation = 0.6;
/** Two correlations this near to each other are equal. */
const equalWithin = 0.1;
/** What is measured over windows of their own may come late by these; a cause may lead by more. */
const lateSteps = 1;
const maxLagSteps = 6;
/** Now: the median of these newest samples, of those since the symptom began. */
const nowSamples = 5;

/** Evidence with its strength: its correlation when the signal is raised and goes along with the symptom, else 0. */
type Weighed = Omit<AttributionEvidence, "correlation"> &
  Readonly<{ correlation: number; signalOf: ClassSignal; strength: number }>;

/**
 * Who is to blame for a class at risk. The path and the compute signals are held against what they were before the symptom
 * began, and against its course since. Where the path is not known to be clean, compute is never to blame; where both or
 * neither explain it, it is unclear. A symptom that is a path signal itself is the network's unless compute leads it.
 */
export function attribute({ service }: ServedClass, health: ClassHealth): Attribution {
  const symptom = symptomOf(service, health);
  const unclear = (name: string, reason: string): Attribution => ({
    verdict: "unclear",
    symptom: name,
    reason,
    evidence: [],
  });
  if (!symptom) return unclear("", "no objective or condition is on what users feel or what the path does");
  const { name } = symptom.signal;
  const series = health.series.get(name);
  if (!series || series.values.length === 0) return unclear(name, `${symptom.said}; there is no data of ${name}`);
  const worse = worseSide(service, name);
  const beganMs = onsetMs(series, worse);
  if (beganMs === undefined)
    return unclear(
      name,
      `${symptom.said}; when it began is not seen: too little is known of what ${name} was like before`,
    );

  const moves = `${name} ${worse === "up" ? "rises" : "falls"}`;
  const causes = service.signals.filter((signal) => signal.of !== "service");
  const weighed = causes.map((signal) => weigh(service, symptom, { signal, series, health, beganMs }));
  const known = weighed.filter((one) => typeof one !== "string");
  const silent = weighed.filter((one) => typeof one === "string");
  const evidence = known.map(({ signalOf: _, strength: __, correlation, ...rest }) => ({
    ...rest,
    correlation: Number.isNaN(correlation) ? null : correlation,
  }));
  const verdict = (verdict: Attribution["verdict"], reason: string): Attribution => ({
    verdict,
    symptom: name,
    reason: `${symptom.said}${reason}`,
    evidence,
  });

  const strongest = (of: "path" | "compute") =>
    known.reduce<Weighed | undefined>(
      (best, one) => (one.of === of && one.strength > (best?.strength ?? 0) ? one : best),
      undefined,
    );
  const [path, compute] = [strongest("path"), strongest("compute")];
  const raisedPaths = known.filter((one) => one.of === "path" && one.raised);
  const silentPaths = silent.filter((one) => causes.some((cause) => cause.of === "path" && cause.name === one));
  const pathNames = causes.filter(({ of }) => of === "path");

  if (path) {
    const isOwn = path.signal === name;
    const rival = compute && compute.strength > path.strength - equalWithin && (!isOwn || compute.lagMs > 0);
    if (!rival) return verdict("network", isOwn ? `: ${figures(path)}` : `, and ${moves} with ${goesAlong(path)}`);
    return verdict("unclear", `, and ${moves} with ${goesAlong(path)}, but as much with ${goesAlong(compute)}`);
  }
  if (!compute) {
    const missing = silent.length > 0 ? `; of ${silent.join(", ")} there is no data` : "";
    return verdict("unclear", `, and nothing measured of path or compute goes along with it${missing}`);
  }
  const rises = `, and ${moves} with ${goesAlong(compute)}`;
  if (pathNames.length === 0) return verdict("unclear", `${rises}; but no signal of the class is of its path`);
  if (silentPaths.length > 0)
    return verdict(
      "unclear",
      `${rises}; but of ${silentPaths.join(", ")} there is no data: the path is not known to be clean`,
    );
  if (raisedPaths.length > 0)
    return verdict("unclear", `${rises}; but the path is not clean: ${raisedPaths.map(figures).join(", ")}`);
  const clean = known.filter((one) => one.of === "path");
  return verdict("compute", `${rises}; the path is clean: ${clean.map(asBefore).join(", ")}`);
}

/** Its name alone when there is not enough of it: before the symptom began, or now. */
function weigh(
  service: ServiceClass,
  symptom: Symptom,
  of: Readonly<{ signal: ClassSignal; series: SignalSeries; health: ClassHealth; beganMs: number }>,
): Weighed | string {
  const { signal, series: felt, health, beganMs } = of;
  const series = health.series.get(signal.name);
  const stepMs = stepOf(felt);
  const newestMs = felt.atMs.at(-1) as number;
  if (!series || !(newestMs - (series.atMs.at(-1) ?? Number.NaN) <= silentIntervals * stepMs)) return signal.name;
  const began = series.atMs.findIndex((ms) => ms >= beganMs);
  const baseline = baselineOf(series.values.subarray(0, began < 0 ? series.values.length : began));
  if (!baseline) return signal.name;
  const since = Math.max(began < 0 ? 0 : began, series.values.length - nowSamples);
  const now = median(series.values.subarray(began < 0 ? -1 : since));
  const worse = worseSide(service, signal.name);
  const raised = isBeyond(now, baseline, worse);
  const isSymptom = signal.name === symptom.signal.name;
  const { correlation, lagMs } = isSymptom
    ? { correlation: 1, lagMs: 0 }
    : strongestCorrelation(series, felt, { stepMs, maxLagMs: maxLagSteps * stepMs });
  // Both get worse together, whichever way that is for each.
  const together = worse === worseSide(service, symptom.signal.name) ? correlation : -correlation;
  const explains = raised && together >= leastCorrelation && lagMs >= -lateSteps * stepMs;
  return {
    signal: signal.name,
    of: signal.of === "compute" ? "compute" : "path",
    baseline: baseline.median,
    now,
    raised,
    correlation,
    lagMs,
    signalOf: signal,
    strength: explains ? together : 0,
  };
}

/** Time between samples. */
function stepOf({ atMs }: SignalSeries): number {
  return median(atMs.subarray(1).map((ms, at) => ms - (atMs[at] as number)));
}

/** "waiting (correlation 0.97, 2 s ahead): 12 before, 64 now" */
function goesAlong(one: Weighed): string {
  const lag = Math.abs(one.lagMs) / 1000;
  const ahead = one.lagMs === 0 ? "" : `, ${Number(lag.toFixed(1))} s ${one.lagMs > 0 ? "ahead" : "behind"}`;
  const { signalOf, correlation, baseline, now, signal } = one;
  const moved = `${formatClassValue(signalOf.unit, baseline)} before, ${formatClassValue(signalOf.unit, now)} now`;
  return `${signal} (correlation ${correlation.toFixed(2)}${ahead}): ${moved}`;
}

const figures = ({ signal, signalOf, baseline, now }: Weighed) =>
  `${signal} ${formatClassValue(signalOf.unit, now)}, ${formatClassValue(signalOf.unit, baseline)} before`;

const asBefore = ({ signal, signalOf, now }: Weighed) => `${signal} ${formatClassValue(signalOf.unit, now)}, as before`;
