import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Ajv } from "ajv";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { policyJsonSchema } from "../../src/config/policy-document.ts";
import { edit, policyText } from "./files.ts";

const policies = path.join(import.meta.dirname, "../../policies");
const file = path.join(policies, "policy.schema.json");

// Goal: the published schema is the one that the parser has.
test("policies/policy.schema.json is up to date", () => {
  const current = `${JSON.stringify(policyJsonSchema(), null, 2)}\n`;
  if (process.env.UPDATE) writeFileSync(file, current);
  const how = "stale: run UPDATE=1 npx vitest run test/config/schema.test.ts, and commit the file";
  expect(readFileSync(file, "utf8"), how).toBe(current);
});

// Goal: an editor that follows the schema accepts what the parser accepts, and marks plain mistakes.
test("editors agree with the parser", () => {
  const validate = new Ajv({ strict: false }).compile(JSON.parse(readFileSync(file, "utf8")));
  for (const name of readdirSync(policies).filter((one) => one.endsWith(".yaml"))) {
    const shipped = parse(readFileSync(path.join(policies, name), "utf8"));
    expect(validate(shipped), `${name}: ${JSON.stringify(validate.errors)}`).toBe(true);
  }
  expect(validate(parse(policyText)), JSON.stringify(validate.errors)).toBe(true);
  const mistakes = [
    ["mode: propose", "mode: sometimes"],
    ["mode: propose", "mood: propose"],
    ["above: 85%", "above: 85"],
    ["every: 10s", "every: 10"],
    ["  hold: 10m\n", ""],
    ["below 85%", "under 85%"],
  ] as const;
  for (const [from, to] of mistakes) expect(validate(parse(edit(policyText, from, to))), to).toBe(false);
});
