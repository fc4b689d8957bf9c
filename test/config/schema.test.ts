import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Ajv } from "ajv";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { policyJsonSchema } from "../../src/config/policy-document.ts";
import { trafficClassJsonSchema } from "../../src/config/traffic-class-document.ts";
import { classText } from "./class-files.ts";
import { edit, policyText } from "./files.ts";

const policies = path.join(import.meta.dirname, "../../policies");
const file = path.join(policies, "policy.schema.json");

const classFile = path.join(policies, "traffic-class.schema.json");

// Goal: the published schema is the one that the parser has.
test.each([
  [file, policyJsonSchema],
  [classFile, trafficClassJsonSchema],
])("%s is up to date", (file, schemaOf) => {
  const current = `${JSON.stringify(schemaOf(), null, 2)}\n`;
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

// Goal: the same for traffic classes.
test("editors agree with the parser of classes", () => {
  const validate = new Ajv({ strict: false }).compile(JSON.parse(readFileSync(classFile, "utf8")));
  const folder = path.join(policies, "classes");
  for (const name of readdirSync(folder)) {
    const shipped = parse(readFileSync(path.join(folder, name), "utf8"));
    expect(validate(shipped), `${name}: ${JSON.stringify(validate.errors)}`).toBe(true);
  }
  expect(validate(parse(classText)), JSON.stringify(validate.errors)).toBe(true);
  const mistakes = [
    ["dscp: 46", "dscp: 64"],
    ["floor: 10%", "floor: 0.1"],
    ["of: service", "of: network"],
    ["first-token p95 below", "first-token below"],
    ["above objective", "over objective"],
    ["  sheds: [batch]\n", ""],
  ] as const;
  for (const [from, to] of mistakes) expect(validate(parse(edit(classText, from, to))), to).toBe(false);
});
