import { afterAll, beforeAll, expect, test } from "vitest";
import { remoteController } from "../../src/api/client.ts";
import type { ApiServer } from "../../src/api/listen.ts";
import { Failure, fail, ok } from "../../src/kernel/failure.ts";
import type { Controller } from "../../src/model/controller.ts";
import { samplesOf } from "./metrics-text.ts";
import { openFor } from "./open.ts";

const asked: unknown[][] = [];
const missing = fail(new Failure("NOT_FOUND", "there is no change c9", { mend: "pointsman proposals lists them" }));
const levels = [
  { class: "batch", level: 2, reason: 'c1 "holds" it \\ to\n3 Mbit/s, on a}', untilMs: 1_767_225_600_500 },
  { class: "chat", level: 0, reason: "not held back", untilMs: null },
] as const;
const controller = {
  change: async () => missing,
  approve: async (...values: unknown[]) => {
    asked.push(values);
    return missing;
  },
  freeze: async (_by: string, untilMs: number, reason: string) =>
    ok({ frozen: { untilMs, by: "ann", reason }, killed: null }),
  changes: async () => [],
  shed: async () => levels,
  status: async () => ({ policies: [], devices: {}, open: [] }),
} as unknown as Controller;

let server: ApiServer;
beforeAll(async () => {
  server = await openFor(controller);
});
afterAll(() => server.close());

const post = (path: string, body: string, token = "right") =>
  fetch(`${server.url}/v1/${path}`, {
    method: "POST",
    body,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  });

// Goal: nothing is answered, and nothing asked of the controller, without the token.
test.each(["wrong", "", "rightly"])("token %j is refused", async (token) => {
  const response = await post("changes/c1/approve", JSON.stringify({ by: "ann" }), token);
  expect(response.status).toBe(401);
  expect(await response.json()).toMatchObject({ error: { code: "CONTROLLER_AUTH", mend: expect.any(String) } });
  expect(asked).toEqual([]);
});

// Goal: a body that is not what the route wants is named by its fields and goes no further.
test.each([
  ["changes/c1/approve", "not json", "body"],
  ["changes/c1/approve", JSON.stringify({ by: "" }), "by"],
  ["changes/c1/reject", JSON.stringify({ by: "ann" }), "reason"],
  ["freeze", JSON.stringify({ by: "ann", reason: "x", untilMs: 1e300 }), "untilMs"],
  ["freeze", JSON.stringify({ by: "ann", reason: "x", untilMs: -1 }), "untilMs"],
])("POST %s with %s is refused", async (path, body, field) => {
  const response = await post(path, body);
  expect(response.status).toBe(400);
  expect(await response.text()).toContain(field);
  expect(asked).toEqual([]);
});

test("an unknown route is 404", async () => {
  expect((await post("launch", "{}")).status).toBe(404);
});

// Goal: the client gives what the controller gave, values and failures alike.
test("client and server agree", async () => {
  const remote = remoteController({ url: server.url, token: "right" });
  expect(await remote.changes()).toEqual([]);
  expect(await remote.change("c9")).toMatchObject({
    ok: false,
    failure: { code: "NOT_FOUND", mend: expect.any(String) },
  });
  expect(await remote.freeze("ann", 1e12, "holiday")).toMatchObject({ ok: true, value: { frozen: { untilMs: 1e12 } } });
  await expect(remoteController({ url: server.url, token: "wrong" }).changes()).rejects.toMatchObject({
    code: "CONTROLLER_AUTH",
  });
  await expect(remoteController({ url: "http://127.0.0.1:9", token: "x" }).changes()).rejects.toMatchObject({
    code: "CONTROLLER_UNREACHABLE",
  });
});

// Goal: a port that is taken is a word about the port.
test("a port in use", async () => {
  const port = Number(new URL(server.url).port);
  await expect(openFor(controller, { port })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});

const ask = (path: string, token = "right") =>
  fetch(`${server.url}/${path}`, { headers: { authorization: `Bearer ${token}` } });

// Goal: Prometheus reads every level, and whatever a reason holds comes out as it went in.
test("metrics", async () => {
  const response = await ask("metrics");
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const text = await response.text();
  expect(text.endsWith("\n")).toBe(true);
  expect(samplesOf(text).filter(([name]) => name.startsWith("pointsman_shed_"))).toEqual([
    ["pointsman_shed_level", { class: "batch" }, 2],
    ["pointsman_shed_level", { class: "chat" }, 0],
    ["pointsman_shed_until_seconds", { class: "batch" }, 1_767_225_600.5],
    ["pointsman_shed_info", { class: "batch", reason: levels[0].reason }, 1],
    ["pointsman_shed_info", { class: "chat", reason: "not held back" }, 1],
  ]);
});

// Goal: the same in JSON, from the route and from the client.
test("shed levels", async () => {
  expect(await (await ask("v1/shed")).json()).toEqual(levels);
  expect(await remoteController({ url: server.url, token: "right" }).shed()).toEqual(levels);
});

test.each(["metrics", "v1/shed", "no-such"])("%s needs the token", async (path) => {
  const response = await ask(path, "wrong");
  expect(response.status).toBe(401);
  expect(await response.text()).not.toContain("batch");
});
