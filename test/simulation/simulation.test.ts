import { expect, test } from "vitest";
import { shrink } from "./shrink.ts";
import { simulate } from "./simulate.ts";

const first = Number(process.env.SEED ?? 1);
const seeds = Array.from({ length: Number(process.env.SIMULATIONS ?? 4) }, (_, index) => first + index);

// Goal: whatever routers, telemetry, disks, people and crashes do, the invariants hold. `npm run simulate` does many more.
test.each(seeds)("seed %i breaks no invariant", { timeout: 60_000 }, async (seed) => {
  const run = await simulate({ seed });
  expect(run.violation).toBeUndefined();
});

// Goal: a failing seed is a bug report. Method: all that happened, in two runs.
test("a seed replays exactly", async () => {
  const [one, same, other] = [
    await simulate({ seed: 7, minutes: 5 }),
    await simulate({ seed: 7, minutes: 5 }),
    await simulate({ seed: 8, minutes: 5 }),
  ];
  expect(one.lines.length).toBeGreaterThan(20);
  expect(same.digest).toBe(one.digest);
  expect(other.digest).not.toBe(one.digest);
});

// Goal: what is reported is no more than what it takes. Method: an invariant that one kind of fault breaks, whatever else happens.
test("faults that a violation does not need are left out", async () => {
  const seed = 7;
  const broken = { ...(await simulate({ seed, minutes: 1 })), violation: { invariant: "made-up", what: "" } };
  const shrunk = await shrink(broken, { seed, minutes: 1 }, async ({ leftOut }) => {
    const { violation: _, ...sound } = broken;
    return leftOut?.has("reply-lost") ? sound : broken;
  });
  expect(shrunk.needed).toEqual(["reply-lost"]);
});
