import { expect, test } from "vitest";
import { sleep } from "../../src/kernel/clock.ts";
import { confirmationOrder } from "../../src/loop/confirmation.ts";
import type { DevicePort } from "../../src/model/device.ts";
import { type Death, Life, Transaction } from "./transaction.ts";
import type { Shape } from "./trial-router.ts";

const shapes: readonly Shape[] = ["dead-man", "persistent", "session-bound"];

const scenarios = {
  better: () => undefined,
  worse: (made: Transaction) => {
    made.verdict = "worse";
  },
  "one reboots amid the confirmation": (made: Transaction) => {
    for (const router of made.routers) router.rebootsAtConfirm = router.shape === "dead-man";
  },
} satisfies Record<string, (made: Transaction) => void>;
type Scenario = keyof typeof scenarios;

function begin(scenario: Scenario, order: readonly Shape[] = shapes): Transaction {
  const made = new Transaction(order);
  scenarios[scenario](made);
  return made;
}

const minutes = 60_000;

/** What comes between a controller's death and the next one's end. `k` is the number of the death, for variety. */
const restarts: Readonly<Record<string, (made: Transaction, k: number) => Promise<void>>> = {
  "at once": (made) => made.recover(),
  "after every timer has run out": (made) => {
    made.clock.advance(5 * minutes);
    return made.recover();
  },
  "one router cut off for a while": (made, k) => cutOff(made, k, 0, 45_000),
  "late, one router cut off for a while": (made, k) => cutOff(made, k, 5 * minutes, 45_000),
  "one router cut off for long": (made, k) => cutOff(made, k, 0, 10 * minutes),
  "which dies as well": async (made, k) => {
    await made.recover(new Life({ call: k % 9, when: k % 2 === 0 ? "before" : "after" }));
    await made.recover();
  },
};

function cutOff(made: Transaction, k: number, afterMs: number, forMs: number): Promise<void> {
  made.clock.advance(afterMs);
  const router = made.routers[k % made.routers.length];
  if (!router) throw new Error("there are routers");
  router.reachable = false;
  made.clock.after(forMs, () => {
    router.reachable = true;
  });
  return made.recover();
}

/** All or none, and the record says which. */
function checkQuiet(made: Transaction, about: string): void {
  const state = made.change?.state;
  expect(state === undefined || ["confirmed", "rolled-back", "aborted"].includes(state), `${about}: ${state}`).toBe(
    true,
  );
  const wanted = state === "confirmed" ? 3 : 0;
  expect(made.values, `${about}: ${state}`).toEqual(made.routers.map(() => wanted));
  expect(
    made.routers.some(({ pending }) => pending),
    `${about}: no timer is left`,
  ).toBe(false);
}

// Goal: one change on three kinds of router is on all or on none, wherever its controller dies and however late and hampered the
// next one comes. Method: count the calls of an undisturbed change; then kill before, after and amid each, for every kind of restart.
test.each(Object.keys(scenarios) as Scenario[])("killed at every call: %s", async (scenario) => {
  const whole = new Life();
  const undisturbed = begin(scenario);
  await undisturbed.make(whole);
  checkQuiet(undisturbed, "undisturbed");
  expect(undisturbed.change?.state).toBe(scenario === "better" ? "confirmed" : "rolled-back");

  const ends = new Map<string, number>();
  let someConfirmed = 0;
  const deaths = Array.from({ length: whole.calls }, (_, call) =>
    (["before", "amid", "after"] as const).map((when): Death => ({ call, when })),
  ).flat();
  for (const [k, death] of deaths.entries()) {
    for (const [index, [how, restart]] of Object.entries(restarts).entries()) {
      if ((k + index) % 2 === 1 && index > 1) continue; // Of the hampered ones every other, in turn.
      const made = begin(scenario, k % 4 < 2 ? shapes : shapes.toReversed());
      await made.make(new Life(death));
      const wereConfirmed = made.routers.filter(({ pending, told }) => told.includes("confirm") && !pending).length;
      if (wereConfirmed > 0 && wereConfirmed < made.routers.length) someConfirmed += 1;
      await restart(made, k);
      if (made.change?.state === "stuck") {
        expect(how, "asked again for longer than that").toBe("one router cut off for long");
        made.clock.advance(20 * minutes);
        await made.retry();
      }
      const about = `killed ${death.when} call ${death.call}, restarted ${how}`;
      checkQuiet(made, about);
      made.clock.advance(5 * minutes);
      checkQuiet(made, `${about}, and later`);
      const end = made.change?.state ?? "never was";
      ends.set(end, (ends.get(end) ?? 0) + 1);
    }
  }
  // The table is worth its name only where it has met every end, and deaths between one confirmation and the next.
  const met = scenario === "better" ? ["aborted", "confirmed", "rolled-back"] : ["aborted", "rolled-back"];
  expect([...ends.keys()]).toEqual(expect.arrayContaining(met));
  if (scenario !== "worse") expect(someConfirmed).toBeGreaterThan(0);
});

// Goal: routers whose undo is one commit are confirmed before those undone line by line, and the latter not at all once one failed.
test("the order of confirmation", async () => {
  const made = begin("better");
  const steps = async () => made.change?.plan.steps ?? [];
  const order: string[] = [];
  for (const router of made.routers) {
    const confirm = router.confirm.bind(router);
    router.confirm = async (step, trial) => {
      order.push(router.device);
      return confirm(step, trial);
    };
  }
  await made.make();
  expect(order).toEqual(["persistent", "session-bound", "dead-man"]);
  expect(confirmationOrder(await steps()).map((wave) => wave.map(({ device }) => device))).toEqual([
    ["persistent", "session-bound"],
    ["dead-man"],
  ]);

  const failing = begin("better");
  for (const router of failing.routers) router.rebootsAtConfirm = router.shape === "session-bound";
  await failing.make();
  expect(failing.change).toMatchObject({ state: "rolled-back", outcome: { code: "TRIAL_EXPIRED" } });
  const told = Object.fromEntries(failing.routers.map(({ device, told: said }) => [device, said]));
  expect(told["dead-man"], "its trial is left to be taken back").toEqual(["undo"]);
  expect(told.persistent, "confirmed, and undone again").toEqual(["confirm", "undo"]);
  checkQuiet(failing, "failing");
});

// Goal: how long is waited for a router is elapsed time, wherever the wall clock is set meanwhile. Method: a router is cut off amid the
// confirmation or the undo, and the clock jumps an hour as that is noticed.
test.each([
  ["ahead", "confirm", "confirmed", 30],
  ["back", "undo", "stuck", 150],
] as const)("the clock is set %s while a router is cut off from its %s", async (way, when, end, withinS) => {
  const made = begin(when === "confirm" ? "better" : "worse");
  const [router] = made.routers;
  if (!router) throw new Error("there are routers");
  const elapsed = made.clock.now.bind(made.clock);
  const startMs = elapsed();
  const ask: DevicePort["confirm"] = router[when].bind(router);
  const cutOffOnce: DevicePort["confirm"] = async (step, trial) => {
    if (elapsed() === made.clock.now()) {
      made.clock.now = () => elapsed() + (way === "ahead" ? 3_600_000 : -3_600_000);
      router.reachable = false;
      if (when === "confirm") made.clock.after(20_000, () => Object.assign(router, { reachable: true }));
    }
    return ask(step, trial);
  };
  Object.assign(router, { [when]: cutOffOnce });
  await made.make();
  expect(made.change?.state).toBe(end);
  expect((elapsed() - startMs) / 1000).toBeLessThan(withinS);
});

// Goal: the first router's timer has started when it was told, not when the last one said yes: nothing is confirmed when it may be out.
test("one commit takes most of the trial", async () => {
  const made = begin("better");
  const [, slow] = made.routers;
  if (!slow) throw new Error("there are routers");
  const commit = slow.commitOnTrial.bind(slow);
  slow.commitOnTrial = async (step, trial) => {
    await sleep(made.clock, 40_000);
    const done = await commit(step, trial);
    slow.reachable = false;
    made.clock.after(30_000, () => Object.assign(slow, { reachable: true }));
    return done;
  };
  await made.make();
  expect(made.change?.state).toBe("rolled-back");
  expect(slow.told).toEqual(["undo"]);
  checkQuiet(made, "slow");
});

// Goal: nothing is confirmed anywhere while one router does not read as it was left: someone has edited it during the trial.
// Theirs is not overwritten, the others go back, and the record shows the difference and how to go on.
test("edited by someone else during the trial", async () => {
  const made = begin("better");
  const [edited] = made.routers;
  if (!edited) throw new Error("there are routers");
  const commit = edited.commitOnTrial.bind(edited);
  edited.commitOnTrial = async (step, trial) => {
    const done = await commit(step, trial);
    edited.running += "theirs\n";
    return done;
  };
  await made.make();
  expect(made.routers.flatMap(({ told }) => told)).not.toContain("confirm");
  expect(edited.running).toContain("theirs");
  expect(made.values.slice(1)).toEqual([0, 0]);
  expect(made.change?.state).toBe("stuck");
  expect(made.change?.outcome).toMatchObject({
    code: "DEVICE_CHANGED",
    mend: expect.stringContaining("pointsman rollback c1"),
  });
  edited.running = edited.running.replace("theirs\n", "");
  await made.retry();
  checkQuiet(made, "mended");
});

// Goal: one router that refuses leaves none locked, and nothing reaches a running configuration. Method: each of three in turn.
test.each(shapes)("prepare refused by the %s router", async (refusing) => {
  const made = begin("better");
  for (const router of made.routers) if (router.shape === refusing) router.running = "edited meanwhile\n";
  await made.make();
  expect(made.change).toMatchObject({ state: "aborted", outcome: { code: "DEVICE_CHANGED" } });
  expect(made.routers.filter(({ locked }) => locked)).toEqual([]);
  expect(made.values.filter((value) => value === 3)).toEqual([]);
});
