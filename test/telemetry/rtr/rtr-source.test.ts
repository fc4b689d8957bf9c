import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Clock } from "../../../src/kernel/clock.ts";
import { createCertificateAuthority } from "../../../src/lab/certificates.ts";
import { SimulatedClock } from "../../support/simulated-clock.ts";
import {
  answer,
  type Behaviour,
  endOfData,
  errorReport,
  FakeCache,
  notify,
  reset,
  response,
  routerKey,
  vrp,
} from "./fake-cache.ts";
import { hurriedClock, listenTo } from "./listening.ts";

async function cacheThat(behaviour: Behaviour, tls?: ConstructorParameters<typeof FakeCache>[1]) {
  const cache = new FakeCache(behaviour, tls);
  const port = await cache.listen();
  onTestFinished(() => cache.close());
  return { cache, port };
}

// Goal: the ordinary life of a session over a real socket: all at first, then what changed at a notice, then all again where the
// cache has forgotten what changed. Only what covers our prefixes is kept.
test("a table, its changes, and a reset", async () => {
  const { cache, port } = await cacheThat((asked, socket) => {
    if (asked === "reset 1" && cache.heard.length === 1) {
      socket.write(Buffer.concat([notify(7, 1), response(7), routerKey(), vrp("198.51.100.0/24 65000")]));
      for (const one of ["192.0.0.0/16-24 65000", "192.0.2.0/25 65000", "2001:db8::/32-48 65001"])
        socket.write(vrp(one));
      socket.write(endOfData(7, 42));
    } else if (asked === "serial 1 7/42") socket.write(answer(7, 43, ["-192.0.0.0/16-24 65000", "192.0.2.0/24 65002"]));
    else if (asked === "serial 1 7/43") socket.write(reset());
    else socket.write(answer(8, 1, ["0.0.0.0/0 0"]));
  });
  const sink = listenTo([port], { clock: hurriedClock });
  await sink.state("synced");
  expect(sink.vrps).toEqual(["192.0.0.0/16 to /24 of AS 65000", "2001:db8::/32 to /48 of AS 65001"]);
  expect(sink.known?.cache).toBe(`rpki 127.0.0.1:${port}`);
  cache.send(notify(7, 42)); // Nothing new.
  cache.send(notify(7, 43));
  await sink.until(({ vrps }) => vrps?.includes("192.0.2.0/24 to /24 of AS 65002") === true);
  expect(sink.vrps).toEqual(["192.0.2.0/24 to /24 of AS 65002", "2001:db8::/32 to /48 of AS 65001"]);
  cache.send(notify(7, 44));
  await sink.until(({ vrps }) => vrps?.length === 1);
  expect(sink.vrps).toEqual(["0.0.0.0/0 to /0 of AS 0"]);
  expect(cache.heard).toEqual(["reset 1", "serial 1 7/42", "serial 1 7/43", "reset 1"]);
  expect(sink.statuses.map(({ status }) => status.state)).toEqual(["starting", "synced"]);
});

// Goal: nothing of a response counts before its end, so that a table half told is never judged by; the next session goes on from what is whole.
test("half an answer is none", async () => {
  const { cache, port } = await cacheThat((asked, socket, connection) => {
    if (asked === "reset 1") socket.write(answer(7, 1, ["192.0.2.0/24 65000"]));
    else if (connection === 1) socket.end(Buffer.concat([response(7), vrp("-192.0.2.0/24 65000")]));
    else socket.write(answer(7, 2, ["-192.0.2.0/24 65000"]));
  });
  const sink = listenTo([port], { clock: hurriedClock });
  await sink.state("synced");
  cache.send(notify(7, 2));
  await sink.state("down");
  expect(sink.vrps).toEqual(["192.0.2.0/24 to /24 of AS 65000"]);
  await sink.until(({ vrps }) => vrps?.length === 0);
  expect(cache.heard).toEqual(["reset 1", "serial 1 7/1", "serial 1 7/1"]);
});

// Goal: on what a cache has got wrong nothing is built: what was whole before stands, and all is asked for anew.
test("after an error all is asked for", async () => {
  const { cache, port } = await cacheThat((asked, socket) => {
    if (asked === "reset 1") socket.write(answer(7, 1, ["192.0.2.0/24 65000"]));
    else socket.write(answer(7, 2, ["192.0.2.0/24 65000"]));
  });
  const sink = listenTo([port], { clock: hurriedClock });
  await sink.state("synced");
  cache.send(notify(7, 2));
  await sink.state("down");
  expect(sink.vrps).toEqual(["192.0.2.0/24 to /24 of AS 65000"]);
  await cache.hears(4);
  expect(cache.heard.filter((heard) => !heard.startsWith("error"))).toEqual(["reset 1", "serial 1 7/1", "reset 1"]);
});

// Goal: a cache is asked at its refresh interval, and what it said expires by its expire interval, both within the RFC's limits.
test.each([
  [{ refresh: 60, retry: 30, expire: 600 }, 60_000, 600_000],
  [{ refresh: 0, retry: 0, expire: 0 }, 1_000, 600_000],
  [{ refresh: 86_400, retry: 7_200, expire: 600 }, 300_000, 600_000],
  [{ refresh: 2 ** 32 - 1, retry: 2 ** 32 - 1, expire: 2 ** 32 - 1 }, 86_400_000, 172_800_000],
])("intervals %j", async (wish, refreshMs, expireMs) => {
  const clock = new SimulatedClock();
  const { cache, port } = await cacheThat((_, socket) => void socket.write(answer(7, 1, [], wish)));
  const sink = listenTo([port], { clock });
  await sink.state("synced");
  expect(sink.known).toMatchObject({ measuredMs: clock.now(), expiresMs: clock.now() + expireMs });
  clock.advance(refreshMs - 1);
  expect(cache.heard).toEqual(["reset 1"]);
  clock.advance(1);
  await cache.hears(2);
  await sink.until(({ known }) => known?.measuredMs === clock.now());
  // What has expired is not built upon.
  expect(cache.heard[1]).toBe(refreshMs < expireMs ? "serial 1 7/1" : "reset 1");
});

// Goal: version 0 with whoever speaks no other, in each way that RFC 8210 7 lets it say so; its answer has no intervals.
test.each<[string, Behaviour, readonly string[]]>([
  [
    "answers in version 0",
    (_, socket) =>
      void socket.write(Buffer.concat([response(7, 0), vrp("192.0.2.0/24 65000", 0), endOfData(7, 1, {}, 0)])),
    ["reset 1"],
  ],
  [
    "refuses version 1",
    (asked, socket) => {
      if (asked === "reset 1") socket.end(errorReport(4, "what?", 0));
      else socket.write(Buffer.concat([response(7, 0), vrp("192.0.2.0/24 65000", 0), endOfData(7, 1, {}, 0)]));
    },
    ["reset 1", "reset 0"],
  ],
  [
    "leaves without a word",
    (asked, socket) => {
      if (asked === "reset 1") socket.end();
      else socket.write(Buffer.concat([response(7, 0), vrp("192.0.2.0/24 65000", 0), endOfData(7, 1, {}, 0)]));
    },
    ["reset 1", "reset 0"],
  ],
])("a cache of version 0 that %s", async (_, behaviour, asked) => {
  const { cache, port } = await cacheThat(behaviour);
  const sink = listenTo([port], { clock: hurriedClock });
  await sink.state("synced");
  expect(sink.vrps).toEqual(["192.0.2.0/24 to /24 of AS 65000"]);
  expect(cache.heard).toEqual(asked);
  const { measuredMs = 0, expiresMs = 0 } = sink.known ?? {};
  expect(expiresMs - measuredMs).toBe(7_200_000);
});

// Goal: a cache that starts anew within a session is not believed any more: what it said is forgotten, and asked for again.
test.each([
  ["in a notice", (socket: FakeCache) => socket.send(notify(8, 1))],
  ["in an answer", (socket: FakeCache) => socket.send(notify(7, 2))],
])("another session id %s", async (_, provoke) => {
  let forgotten = false;
  const { cache, port } = await cacheThat((asked, socket, connection) => {
    if (asked.startsWith("serial")) socket.write(response(9));
    else if (connection === 1 || forgotten) socket.write(answer(7, 1, ["192.0.2.0/24 65000"]));
  });
  const sink = listenTo([port], { clock: hurriedClock });
  await sink.state("synced");
  provoke(cache);
  await sink.until(({ known }) => known === undefined);
  forgotten = true;
  expect((await sink.state("down")).reason).toMatch(/^broke the protocol: it changed its session from 7 to [89]$/);
  await cache.hears(/^error 1 0 changed its session/);
});

// Goal: of several caches the first that is synchronised counts; with it gone the next, and what was told stays while none is there.
test("two caches", async () => {
  const first = await cacheThat((_, socket) => void socket.write(answer(1, 1, ["192.0.2.0/24 1"])));
  const second = await cacheThat((_, socket) => void socket.write(answer(2, 1, ["192.0.2.0/24 2"])));
  const sink = listenTo([first.port, second.port]);
  await Promise.all([
    sink.state("synced", `rpki 127.0.0.1:${first.port}`),
    sink.state("synced", `rpki 127.0.0.1:${second.port}`),
  ]);
  expect(sink.vrps).toEqual(["192.0.2.0/24 to /24 of AS 1"]);
  await first.cache.close();
  await sink.until(({ known }) => known?.cache === `rpki 127.0.0.1:${second.port}`);
  expect(sink.vrps).toEqual(["192.0.2.0/24 to /24 of AS 2"]);
  await second.cache.close();
  await sink.state("down", `rpki 127.0.0.1:${second.port}`);
  expect(sink.vrps).toBeDefined();
});

// Goal: what has expired gives way to what has not, and a cache that has only that is not called synced. Method: a first one that answers
// once and then never, without a time-out that would end its session before.
test("an expired one beside another", async () => {
  const clock = new SimulatedClock();
  const patient: Clock = {
    now: () => clock.now(),
    after: (ms, task) => (ms === 120_000 ? () => undefined : clock.after(ms, task)),
  };
  const soon = answer(1, 1, ["192.0.2.0/24 1"], { refresh: 60, retry: 30, expire: 600 });
  const first = await cacheThat((asked, socket) => void (asked.startsWith("reset") && socket.write(soon)));
  const second = await cacheThat((_, socket) => void socket.write(answer(2, 1, ["192.0.2.0/24 2"])));
  const sink = listenTo([first.port, second.port], { clock: patient });
  const [name, other] = [first, second].map(({ port }) => `rpki 127.0.0.1:${port}`);
  await Promise.all([sink.state("synced", name), sink.state("synced", other)]);
  clock.advance(599_999);
  expect(sink.known?.cache).toBe(name);
  clock.advance(1);
  expect(sink.known?.cache).toBe(other);
  expect(sink.statuses.at(-1)).toMatchObject({
    target: name,
    status: { state: "down", reason: expect.stringContaining("has expired") },
  });
});

// Goal: over TLS the cache is who its certificate says, and nothing is asked of one whose certificate is not of our authority.
test("TLS is verified", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "pointsman-rtr-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [ours, theirs] = await Promise.all([createCertificateAuthority(), createCertificateAuthority()]);
  await writeFile(path.join(folder, "ours.pem"), ours.certificate);
  await writeFile(path.join(folder, "theirs.pem"), theirs.certificate);
  const { key, certificate } = await ours.issue("cache.example");
  const behaviour: Behaviour = (_, socket) => void socket.write(answer(7, 1, ["192.0.2.0/24 65000"]));
  const { cache, port } = await cacheThat(behaviour, { key, cert: certificate });
  const by = (ca: string, serverName: string) =>
    listenTo([{ host: "127.0.0.1", port, tls: { ca: path.join(folder, ca), serverName } }]);

  expect((await by("theirs.pem", "cache.example").state("down")).reason).toMatch(/^cannot be talked to: .*(CERT|SIGN)/);
  expect((await by("ours.pem", "other.example").state("down")).reason).toMatch(/ALTNAME/);
  expect(cache.heard).toEqual([]);
  const missing = await by("none.pem", "cache.example").state("refused");
  expect(missing).toMatchObject({ reason: expect.stringMatching(/ENOENT/), mend: expect.stringMatching(/tls\.ca/) });
  await by("ours.pem", "cache.example").state("synced");
  expect(cache.heard).toEqual(["reset 1"]);
});

// Goal: nobody there is said with a mend; a cache without data is not asked before its retry interval is over.
test("nobody there, and no data yet", async () => {
  const { cache, port } = await cacheThat(
    (_, socket) => void socket.write(errorReport(2, "still\u001b[2J validating")),
  );
  const sink = listenTo([port], { clock: new SimulatedClock() });
  expect(await sink.state("down")).toEqual({
    state: "down",
    reason: 'has no data yet: "still [2J validating"',
    mend: "wait until it has validated, or look at its own log",
  });
  await cache.close();
  const refused = await listenTo([port]).state("down");
  expect(refused).toMatchObject({
    reason: "cannot be talked to: ECONNREFUSED",
    mend: expect.stringMatching(/rpki\.caches/),
  });
});
