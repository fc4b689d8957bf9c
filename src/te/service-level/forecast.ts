/** Values of one signal at their times, oldest first. */
export type Points = Readonly<{ atMs: Float64Array; values: Float64Array }>;

/** Straight line through the values: what it says at the newest, and per millisecond; 0 where the slope may be chance. */
type Trend = Readonly<{ level: number; slope: number }>;

const minPoints = 10;
/** More than these are taken together by twos, threes and so on: the number of pairs grows with their square. */
const maxPoints = 30;
/** Standard deviations of Mann-Kendall's S: by chance once in about 2000 looks at noise, one side. */
const significance = 3.3;

/**
 * Theil and Sen's line: the median of the slopes of all pairs, which up to 29% of outliers do not move; its level is that
 * of the median point carried to the newest. It rises or falls when Mann and Kendall's S is beyond chance. Undefined with
 * too few points.
 *
 * Source: Sen, "Estimates of the Regression Coefficient Based on Kendall's Tau", JASA 63, 1968.
 */
function trend(all: Points): Trend | undefined {
  const { atMs, values } = thinned(all, maxPoints);
  const n = values.length;
  if (n < minPoints) return undefined;
  let s = 0;
  for (let later = 1; later < n; later++)
    for (let earlier = 0; earlier < later; earlier++)
      s += Math.sign((values[later] as number) - (values[earlier] as number));
  const deviation = Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  if (Math.abs(s) - 1 <= significance * deviation) return { level: middle(values.slice()), slope: 0 };
  const slopes = new Float64Array((n * (n - 1)) / 2);
  let at = 0;
  for (let later = 1; later < n; later++)
    for (let earlier = 0; earlier < later; earlier++)
      slopes[at++] =
        ((values[later] as number) - (values[earlier] as number)) /
        ((atMs[later] as number) - (atMs[earlier] as number));
  const slope = middle(slopes);
  const nowMs = all.atMs.at(-1) as number;
  return { level: middle(values.map((value, point) => value + slope * (nowMs - (atMs[point] as number)))), slope };
}

/** Whether the values go that way, beyond chance. */
export function goes(points: Points, way: "up" | "down"): boolean {
  const slope = trend(points)?.slope ?? 0;
  return way === "up" ? slope > 0 : slope < 0;
}

/** Of what it may put in order. */
const middle = (values: Float64Array): number => values.sort()[values.length >> 1] as number;

/** Means of as many neighbours as leave `most` at most, the newest ones whole. */
export function thinned(points: Points, most: number): Points {
  const by = Math.ceil(points.values.length / most);
  if (by <= 1) return points;
  const n = Math.floor(points.values.length / by);
  const skipped = points.values.length - n * by;
  const mean = (of: Float64Array) =>
    Float64Array.from({ length: n }, (_, at) => {
      let sum = 0;
      for (let one = 0; one < by; one++) sum += of[skipped + at * by + one] as number;
      return sum / by;
    });
  return { atMs: mean(points.atMs), values: mean(points.values) };
}

/**
 * How a signal nears its threshold. `queue`: the time in a queue is 1 / (service rate - arrival rate), Kleinrock's M/M/1, so
 * that its reciprocal falls on a straight line while load rises on one, and the signal itself turns up at the end.
 */
export type Course = "line" | "queue";

/**
 * Milliseconds until the course that the values are on crosses the threshold: 0 where it is beyond it now. Undefined when it
 * does not go there, or not beyond chance.
 */
export function crossesInMs(
  points: Points,
  { threshold, worse, course }: Readonly<{ threshold: number; worse: "up" | "down"; course: Course }>,
): number | undefined {
  const isQueue = course === "queue" && threshold > 0 && points.values.every((value) => value > 0);
  const straight = (value: number) => (isQueue ? -1 / value : value);
  const line = trend({ atMs: points.atMs, values: points.values.map(straight) });
  if (!line) return undefined;
  const room = worse === "up" ? straight(threshold) - line.level : line.level - straight(threshold);
  if (room <= 0) return 0;
  const approach = worse === "up" ? line.slope : -line.slope;
  return approach > 0 ? room / approach : undefined;
}
