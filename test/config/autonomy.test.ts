import path from "node:path";
import { expect, test } from "vitest";
import { loadPolicies } from "../../src/config/policies.ts";
import { formatProblem } from "../../src/config/problem.ts";
import { edit, folderWith, policyText } from "./files.ts";

async function load(autonomy: string) {
  const folder = await folderWith({ "p.yaml": edit(policyText, "  hold: 10m", `${autonomy}  hold: 10m`) });
  const { policies, problems } = await loadPolicies([path.join(folder, "p.yaml")]);
  return { policies, problems: problems.map((problem) => formatProblem(problem).replaceAll(`${folder}/p.yaml:`, "")) };
}

// Goal: what a policy says of its autonomy is read in the units of the model; one that says nothing has the usual.
test("autonomy is read", async () => {
  const { policies, problems } = await load("  autonomy: { maxPredictionError: 7.5%, over: 3 changes }\n");
  expect(problems).toEqual([]);
  expect(policies[0]?.autonomy).toEqual({ maxPredictionError: 0.075, over: 3 });
  expect((await load("")).policies[0]).not.toHaveProperty("autonomy");
  expect((await load("  autonomy: { maxPredictionError: 1%, over: 1 change }\n")).problems).toEqual([]);
});

// Goal: each mistake is told with its line, its field and what to write instead.
test.each([
  [
    "{ maxPredictionError: 0.1, over: 5 changes }",
    "spec.autonomy.maxPredictionError: 0.1 is not a percentage; write a percentage, for example 10%",
  ],
  [
    "{ maxPredictionError: 0%, over: 5 changes }",
    "spec.autonomy.maxPredictionError: 0% leaves nothing; write more than 0%, for example 10%",
  ],
  [
    "{ maxPredictionError: 10%, over: 5 }",
    "spec.autonomy.over: 5 is not a number of changes; write a number of changes, for example 5 changes",
  ],
  [
    "{ maxPredictionError: 10%, over: 0 changes }",
    'spec.autonomy.over: "0 changes" is not a number of changes; write a number of changes, for example 5 changes',
  ],
  ["{ over: 5 changes }", "spec.autonomy.maxPredictionError: is missing; add maxPredictionError: 10%"],
  [
    "{ maxPredictionError: 10%, over: 5 changes, since: 1d }",
    "spec.autonomy.since: is not a known field; known here: maxPredictionError, over",
  ],
])("autonomy: %s", async (written, problem) => {
  expect((await load(`  autonomy: ${written}\n`)).problems.map((one) => one.replace(/^\d+:\d+ /, ""))).toEqual([
    problem,
  ]);
});
