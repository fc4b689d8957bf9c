import { describe, expect, test } from "vitest";
import { seededRandom } from "../../../src/kernel/random.ts";
import { crossesInMs } from "../../../src/te/service-level/forecast.ts";

const points = (count: number, value: (at: number) => number) => ({
  atMs: Float64Array.from({ length: count }, (_, at) => at * 1000),
  values: Float64Array.from({ length: count }, (_, at) => value(at)),
});
const line = { threshold: 100, worse: "up", course: "line" } as const;

describe("a forecast", () => {
  test("on a straight line is when the line crosses, from either side", () => {
    expect(
      crossesInMs(
        points(21, (at) => 10 + 2 * at),
        line,
      ),
    ).toBeCloseTo(25_000, 6);
    expect(
      crossesInMs(
        points(21, (at) => 190 - 2 * at),
        { ...line, worse: "down" },
      ),
    ).toBeCloseTo(25_000, 6);
    // 60 points are thinned to 30.
    expect(
      crossesInMs(
        points(60, (at) => 10 + at),
        line,
      ),
    ).toBeCloseTo(31_000, 6);
  });

  test("is 0 beyond the threshold, and there is none away from it, without a slope or with too few points", () => {
    expect(
      crossesInMs(
        points(21, (at) => 150 - at),
        line,
      ),
    ).toBe(0);
    expect(
      crossesInMs(
        points(21, (at) => 90 - at),
        line,
      ),
    ).toBeUndefined();
    expect(
      crossesInMs(
        points(21, () => 50),
        line,
      ),
    ).toBeUndefined();
    expect(
      crossesInMs(
        points(9, (at) => 10 + 2 * at),
        line,
      ),
    ).toBeUndefined();
  });

  test("is not moved by outliers", () => {
    const said = crossesInMs(
      points(21, (at) => (at % 6 === 5 ? 5000 : 10 + 2 * at)),
      line,
    );
    expect(said).toBeGreaterThan(15_000);
    expect(said).toBeLessThan(30_000);
  });

  // Goal: a queue whose load rises on a line nears its threshold on 1 / (1 - load), which a line sees too late.
  test("of a queue sees it turn up", () => {
    const latency = points(40, (at) => 5 / (1 - (0.4 + at * 0.01)));
    const at = crossesInMs(latency, { ...line, course: "queue" }) as number;
    // 100 ms at a load of 95%, which is 16 s after the newest point.
    expect(at).toBeCloseTo(16_000, -2);
    expect(crossesInMs(latency, line) as number).toBeGreaterThan(3 * at);
    expect(
      crossesInMs(
        points(40, () => 0),
        { ...line, course: "queue" },
      ),
    ).toBeUndefined();
  });

  test.each([
    ["a value is 0", (at: number) => 2 * at, 100, 30_000],
    ["the threshold is 0", (at: number) => -42 + 2 * at, 0, 1_000],
  ])("of a queue is of a line when %s, which has no reciprocal", (_, value, threshold, expected) => {
    const said = crossesInMs(points(21, value), { threshold, worse: "up", course: "queue" });
    expect(said).toBeCloseTo(expected, 6);
  });

  // Goal: noise alone is a trend less than once in 500 looks, whether its tail is light or heavy. Seeded: 1 to 2000.
  test.each([
    ["even", (random: () => number) => 50 + 20 * random()],
    ["heavy-tailed", (random: () => number) => 20 / (1 - 0.9 * random())],
  ])("is not made from %s noise", (_, value) => {
    let alarms = 0;
    for (let seed = 1; seed <= 2000; seed++) {
      const random = seededRandom(seed);
      const values = points(30, () => value(random));
      const said = crossesInMs(values, { threshold: 300, worse: "up", course: "line" });
      if (said !== undefined) alarms++;
    }
    expect(alarms).toBeLessThan(4);
  });
});
