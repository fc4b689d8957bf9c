import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import { LabUnderTest } from "./lab-fixture.ts";

type Service = { registry: string; golden: { prompt: string }; sites: { name: string; probe: string }[] };

let under: LabUnderTest;
let service: Service;
beforeEach(async () => {
  under = await LabUnderTest.start("stale-model");
  const inventory = parse(await readFile(under.lab.configFile, "utf8")) as { anycast: Service[] };
  service = inventory.anycast[0] as Service;
});
afterEach(() => under.stop());

async function asked(url: string, prompt = service.golden.prompt) {
  const answer = await fetch(url, { method: "POST", body: JSON.stringify({ prompt }) });
  return (await answer.json()) as { version: string; answer?: string };
}
const versions = async () =>
  Object.fromEntries(
    await Promise.all(service.sites.map(async ({ name, probe }) => [name, (await asked(probe)).version])),
  );

// Goal: the registry and two sites move on, and one stays; all know the golden answer, and no other.
test("one site is left behind when the registry moves", async () => {
  expect(await asked(service.registry)).toEqual({ version: "llama-7" });
  expect(await versions()).toEqual({ paris: "llama-7", london: "llama-7", tokyo: "llama-7" });
  under.clock.advance(6_000);
  expect(await asked(service.registry)).toEqual({ version: "llama-8" });
  expect(await versions()).toEqual({ paris: "llama-7", london: "llama-8", tokyo: "llama-8" });
  const [paris] = service.sites;
  expect(await asked(paris?.probe ?? "")).toMatchObject({ answer: "4" });
  expect(await asked(paris?.probe ?? "", "something else")).not.toHaveProperty("answer");
});
