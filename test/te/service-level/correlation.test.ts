import { expect, test } from "vitest";
import { seededRandom } from "../../../src/kernel/random.ts";
import type { SignalSeries } from "../../../src/model/class-health.ts";
import { strongestCorrelation } from "../../../src/te/service-level/correlation.ts";

const seed = 7;
const options = { stepMs: 1000, maxLagMs: 5000 };
/** Sampled with some jitter, and now and then not at all. */
function series(value: (atMs: number) => number, random: () => number): SignalSeries {
  const atMs = Array.from({ length: 80 }, (_, at) => at * 1000 + 300 * (random() - 0.5)).filter(() => random() < 0.9);
  return { atMs: Float64Array.from(atMs), values: Float64Array.from(atMs, value) };
}
const wave = (atMs: number) => Math.sin(atMs / 4000) + Math.sin(atMs / 9000);

test.each([0, 1, 3, -2])(`finds who leads, %i s (seed ${seed})`, (leadS) => {
  const random = seededRandom(seed);
  const [signal, symptom] = [series(wave, random), series((atMs) => 40 + 5 * wave(atMs - leadS * 1000), random)];
  const found = strongestCorrelation(signal, symptom, options);
  expect(found.correlation).toBeGreaterThan(0.97);
  expect(found.lagMs).toBe(leadS * 1000);
  expect(strongestCorrelation(symptom, signal, options).lagMs).toBe(-leadS * 1000 || 0);
});

test("what moves the other way correlates negatively", () => {
  const random = seededRandom(seed);
  const found = strongestCorrelation(
    series(wave, random),
    series((atMs) => -wave(atMs), random),
    options,
  );
  expect(found.correlation).toBeLessThan(-0.97);
});

test("what does not move, or is too short, correlates with nothing", () => {
  const random = seededRandom(seed);
  const [moving, still] = [series(wave, random), series(() => 0.1, random)];
  const short = { atMs: moving.atMs.slice(0, 5), values: moving.values.slice(0, 5) };
  for (const other of [still, short, { atMs: new Float64Array(), values: new Float64Array() }])
    expect(strongestCorrelation(moving, other, options)).toEqual({ correlation: Number.NaN, lagMs: 0 });
});
