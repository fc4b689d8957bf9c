import type { Attribution, AttributionEvidence, ClassHealth, SignalSeries } from "../../model/class-health.ts";
import type { ServedClass } from "../../model/inventory.ts";
import type { ClassSignal, ServiceClass } from "../../model/service-class.ts";
import { baselineOf, isBeyond, median, minBaselineSamples } from "./baseline.ts";
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
type Weighed = AttributionEvidence &
  Readonly<{
    signalOf: ClassSignal;
    strength: number;
    /** Of the class's own limits on the signal, one that it is beyond now, however long it has been. */
    limit?: Limit;
  }>;

type Limit = Readonly<{ kind: "objective" | "condition"; threshold: number }>;

/**
 * Who is to blame for a class at risk. The path and the compute signals are held against what they were before the symptom
 * began, and against its course since. Where the path is not known to be clean, compute is never to blame, and where compute
 * is not known to be as it was, the network is not; where both or neither explain it, it is unclear. A symptom that is a path
 * signal itself, or goes along with one that breaks an objective of its own, is the network's unless compute explains it as well.
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
  const beganMs = onsetMs(series, worse, symptom.signal.unit);
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
  const evidence = known.map(({ signalOf: _, strength: __, limit: ___, ...rest }) => rest);
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
  const silentOf = (of: "path" | "compute") =>
    silent.filter((one) => causes.some((cause) => cause.of === of && cause.name === one));
  const notClean = known.filter((one) => one.of === "path" && (one.raised || one.limit));
  const pathNames = causes.filter(({ of }) => of === "path");

  if (path) {
    const isOwn = path.signal === name;
    const rival = compute && compute.strength > path.strength - equalWithin && (!isOwn || compute.lagMs > 0);
    const along = `, and ${moves} with ${goesAlong(path)}`;
    if (rival) return verdict("unclear", `${along}, but as much with ${goesAlong(compute)}`);
    if (isOwn) return verdict("network", `: ${figures(path)}`);
    const silentCompute = silentOf("compute");
    const raisedCompute = known.filter((one) => one.of === "compute" && one.raised);
    if (path.limit?.kind !== "objective" && silentCompute.length > 0)
      return verdict(
        "unclear",
        `${along}; but of ${silentCompute.join(", ")} there is no data: compute is not known to be as before`,
      );
    if (path.limit?.kind !== "objective" && raisedCompute.length > 0)
      return verdict("unclear", `${along}; but compute is not as before: ${raisedCompute.map(figures).join(", ")}`);
    return verdict("network", along);
  }
  if (!compute) {
    const missing = silent.length > 0 ? `; of ${silent.join(", ")} there is no data` : "";
    return verdict("unclear", `, and nothing measured of path or compute goes along with it${missing}`);
  }
  const rises = `, and ${moves} with ${goesAlong(compute)}`;
  if (pathNames.length === 0) return verdict("unclear", `${rises}; but no signal of the class is of its path`);
  const silentPaths = silentOf("path");
  if (silentPaths.length > 0)
    return verdict(
      "unclear",
      `${rises}; but of ${silentPaths.join(", ")} there is no data: the path is not known to be clean`,
    );
  if (notClean.length > 0)
    return verdict("unclear", `${rises}; but the path is not clean: ${notClean.map(figures).join(", ")}`);
  const clean = known.filter((one) => one.of === "path");
  return verdict("compute", `${rises}; the path is clean: ${clean.map(asBefore).join(", ")}`);
}

type Held = Readonly<{ signal: ClassSignal; series: SignalSeries; health: ClassHealth; beganMs: number }>;

/**
 * The signal's name alone when there is not enough of it: before the symptom began, or now. Of a signal that is the worst of
 * flows or queues, the one among them that explains most, else one that is raised: the worst of all hides who got worse.
 */
function weigh(service: ServiceClass, symptom: Symptom, held: Held): Weighed | string {
  const { signal, health } = held;
  const whole = weighSeries(service, symptom, held, health.series.get(signal.name));
  if (typeof whole === "string") return whole;
  const limit = limitBeyond(service, whole);
  let worst = { ...whole, ...(limit ? { limit } : {}) };
  for (const [part, series] of health.parts?.get(signal.name) ?? []) {
    const one = weighSeries(service, symptom, held, series);
    if (typeof one === "string" || !one.raised) continue;
    const isWorse = worseSide(service, signal.name) === "up" ? one.now >= worst.now : one.now <= worst.now;
    if (one.strength > worst.strength || !worst.raised || (one.strength === worst.strength && isWorse))
      worst = { ...one, part, ...(limit ? { limit } : {}) };
  }
  return worst;
}

function weighSeries(
  service: ServiceClass,
  symptom: Symptom,
  { signal, series: felt, beganMs }: Held,
  series: SignalSeries | undefined,
): Weighed | string {
  const stepMs = stepOf(felt);
  const newestMs = felt.atMs.at(-1) as number;
  if (!series || !(newestMs - (series.atMs.at(-1) ?? Number.NaN) <= silentIntervals * stepMs)) return signal.name;
  const began = series.atMs.findIndex((ms) => ms >= beganMs);
  const baseline = baselineOf(series.values.subarray(0, began < 0 ? series.values.length : began), signal.unit);
  if (!baseline) return signal.name;
  const since = Math.max(began < 0 ? 0 : began, series.values.length - nowSamples);
  const now = median(series.values.subarray(began < 0 ? -1 : since));
  const worse = worseSide(service, signal.name);
  const raised = isBeyond(now, baseline, worse);
  const isSymptom = signal.name === symptom.signal.name;
  // What came long before the symptom is of other troubles, or of none.
  const fromMs = beganMs - Math.max(newestMs - beganMs, minBaselineSamples * stepMs);
  const maxLagMs = maxLagSteps * stepMs;
  const { correlation, lagMs } = isSymptom
    ? { correlation: 1, lagMs: 0 }
    : strongestCorrelation(from(series, fromMs - maxLagMs), from(felt, fromMs), { stepMs, maxLagMs });
  // Both get worse together, whichever way that is for each.
  const together = worse === worseSide(service, symptom.signal.name) ? correlation : -correlation;
  const explains = raised && together >= leastCorrelation && lagMs >= -lateSteps * stepMs;
  return {
    signal: signal.name,
    of: signal.of === "compute" ? "compute" : "path",
    baseline: baseline.median,
    now,
    raised,
    correlation: Number.isNaN(correlation) ? null : correlation,
    lagMs,
    signalOf: signal,
    strength: explains ? together : 0,
  };
}

/** A limit that the class itself sets the signal. */
function limitBeyond({ objectives, conditions }: ServiceClass, { signal, now }: Weighed): Limit | undefined {
  const objective = objectives.find(
    (one) => one.signal === signal && (one.comparator === "below" ? now >= one.threshold : now <= one.threshold),
  );
  if (objective) return { kind: "objective", threshold: objective.threshold };
  for (const { signal: of, comparator, threshold } of conditions.flatMap(({ all }) => all)) {
    if (of !== signal || typeof threshold === "string") continue;
    if (comparator === "above" ? now > threshold.value : now < threshold.value)
      return { kind: "condition", threshold: threshold.value };
  }
  return undefined;
}

function from({ atMs, values }: SignalSeries, fromMs: number): SignalSeries {
  const first = atMs.findIndex((ms) => ms >= fromMs);
  return first < 0
    ? { atMs: atMs.subarray(0, 0), values: values.subarray(0, 0) }
    : { atMs: atMs.subarray(first), values: values.subarray(first) };
}

/** Time between samples. */
function stepOf({ atMs }: SignalSeries): number {
  return median(atMs.subarray(1).map((ms, at) => ms - (atMs[at] as number)));
}

/** "waiting (correlation 0.97, 2 s ahead): 12 before, 64 now" */
function goesAlong(one: Weighed): string {
  const lag = Math.abs(one.lagMs) / 1000;
  const ahead = one.lagMs === 0 ? "" : `, ${Number(lag.toFixed(1))} s ${one.lagMs > 0 ? "ahead" : "behind"}`;
  const { signalOf, correlation, baseline, now } = one;
  const moved = `${formatClassValue(signalOf.unit, baseline)} before, ${formatClassValue(signalOf.unit, now)} now`;
  return `${named(one)} (correlation ${(correlation ?? 0).toFixed(2)}${ahead}): ${moved}`;
}

function figures(one: Weighed): string {
  const { signalOf, baseline, now, limit } = one;
  const before = `${formatClassValue(signalOf.unit, baseline)} before`;
  const beyond = limit ? `, beyond the ${formatClassValue(signalOf.unit, limit.threshold)} of its ${limit.kind}` : "";
  return `${named(one)} ${formatClassValue(signalOf.unit, now)}, ${before}${beyond}`;
}

const named = ({ signal, part }: Weighed) => (part === undefined ? signal : `${signal} of ${part}`);

const asBefore = ({ signal, signalOf, now }: Weighed) => `${signal} ${formatClassValue(signalOf.unit, now)}, as before`;
