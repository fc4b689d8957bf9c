import { expect, test } from "vitest";
import { follow } from "../../src/cli/follow.ts";
import { Failure, fail, ok } from "../../src/kernel/failure.ts";
import type { Controller, ShownChange } from "../../src/model/controller.ts";

const at = (state: string) => ({ id: "c1", state }) as ShownChange;
const answering = (...answers: Awaited<ReturnType<Controller["change"]>>[]) =>
  ({ change: async () => answers.shift() ?? expect.fail("it asks on") }) as unknown as Controller;

// Goal: whoever waits for a change hears its end, though others ask too often under the same name; any other refusal is told.
test("asked too often", async () => {
  const controller = answering(fail(new Failure("RATE_LIMITED", "too many requests")), ok(at("confirmed")));
  expect(await follow(controller, at("verifying"), true)).toEqual(at("confirmed"));
  const refused = answering(fail(new Failure("CONTROLLER_AUTH", "the token is missing or wrong")));
  await expect(follow(refused, at("verifying"), true)).rejects.toMatchObject({ code: "CONTROLLER_AUTH" });
});
