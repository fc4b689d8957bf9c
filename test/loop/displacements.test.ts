import { expect, test } from "vitest";
import { touched } from "../../src/loop/displacements.ts";
import { change, free } from "./shedding.ts";

// Goal: what reached any router counts against the budget, even when another router refused it and it was taken back.
test("a change that reached some routers only", () => {
  const half = { ...change({ id: "c1", state: "rolled-back", to: { a: free } }), times: { pushStartedMs: 5 } };
  const { target } = half.decision.intent;
  expect(touched([half], target)).toEqual([5]);
  expect(touched([half], target, "c1")).toEqual([]);
  expect(touched([{ ...half, times: {} }], target)).toEqual([]);
  expect(touched([{ ...half, origin: { kind: "operator", by: "ada", undoes: "c0" } }], target)).toEqual([]);
});
