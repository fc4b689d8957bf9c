import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startController } from "../../src/app/controller.ts";
import { journalFile } from "../../src/app/journal-file.ts";
import { type ShedWebhooks, shedWebhooks } from "../../src/app/shed-webhook.ts";
import { claimStateFolder } from "../../src/app/state-folder.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import type { Trouble } from "../../src/model/controller.ts";
import type { ShedLevel } from "../../src/model/shed.ts";
import { openJournal } from "../../src/store/journal.ts";
import { change, held, network } from "../loop/shedding.ts";
import { WatchedClock } from "../telemetry/watched-clock.ts";

type Answer = number | "never" | Readonly<{ redirect: string }>;
type Heard = Readonly<{ class: string; level: number; reason: string; until: string | null }>;

/** A real HTTP server, which gives the answers listed, then 204. */
class Gateway {
  readonly heard: Heard[] = [];
  readonly answers: Answer[] = [];
  most = 0;
  url = "";
  #now = 0;
  readonly #server = createServer((request, response) => void this.#hear(request, response));
  readonly #watchers = new Set<() => void>();

  static async open(...answers: Answer[]): Promise<Gateway> {
    const gateway = new Gateway();
    gateway.answers.push(...answers);
    gateway.#server.listen(0, "127.0.0.1");
    await once(gateway.#server, "listening");
    gateway.url = `http://127.0.0.1:${(gateway.#server.address() as AddressInfo).port}/shed?key=secret`;
    onTestFinished(() => gateway.close());
    return gateway;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #hear(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.most = Math.max(this.most, ++this.#now);
    let text = "";
    for await (const chunk of request.setEncoding("utf8")) text += chunk;
    expect(request.method).toBe("POST");
    expect(request.headers["content-type"]).toBe("application/json");
    this.heard.push(JSON.parse(text) as Heard);
    const answer = this.answers.shift() ?? 204;
    if (answer !== "never") {
      this.#now--;
      if (typeof answer === "number") response.writeHead(answer).end();
      else response.writeHead(307, { location: answer.redirect }).end();
    } else response.once("close", () => this.#now--);
    for (const watcher of this.#watchers) watcher();
  }

  /** Resolves once that many requests have come in all. */
  async has(count: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const watcher = () => {
        if (this.heard.length < count) return;
        this.#watchers.delete(watcher);
        resolve();
      };
      this.#watchers.add(watcher);
      watcher();
    });
  }

  said(): string[] {
    return this.heard.map((one) => `${one.class} ${one.level}`);
  }
}

const level = (name: string, to: ShedLevel["level"], untilMs: number | null = null): ShedLevel => ({
  class: name,
  level: to,
  reason: `because of ${to}`,
  untilMs,
});

async function ends(webhooks: ShedWebhooks, clock: WatchedClock): Promise<void> {
  const stopped = webhooks.stop();
  clock.advance(2_000);
  await stopped;
}

function telling(urls: readonly string[], first: readonly ShedLevel[]) {
  const clock = new WatchedClock();
  const troubles: Trouble[] = [];
  let now = first;
  let onTrouble = () => {};
  const webhooks = shedWebhooks({
    urls,
    levels: () => now,
    clock,
    onTrouble(trouble) {
      troubles.push(trouble);
      onTrouble();
    },
  });
  onTestFinished(() => ends(webhooks, clock));
  return {
    ...{ clock, troubles, webhooks },
    set(levels: readonly ShedLevel[]) {
      now = levels;
      webhooks.update();
    },
    /** Resolves once that much trouble was told in all. */
    hasTroubles: (count: number) =>
      new Promise<void>((resolve) => {
        onTrouble = () => {
          if (troubles.length >= count) resolve();
        };
        onTrouble();
      }),
  };
}

// Goal: every URL hears all levels at the start, then what is another, in the order of the changes and in RFC 3339.
test("tells each URL what changes, once", async () => {
  const [one, two] = [await Gateway.open(), await Gateway.open()];
  const untilMs = Date.UTC(2026, 0, 1, 0, 15);
  const { set, webhooks, troubles } = telling([one.url, two.url], [level("batch", 0), level("chat", 0)]);
  webhooks.update();
  webhooks.update();
  await Promise.all([one.has(2), two.has(2)]);
  set([level("batch", 2, untilMs), level("chat", 0)]);
  await Promise.all([one.has(3), two.has(3)]);
  set([level("batch", 2, untilMs), level("chat", 1)]);
  await Promise.all([one.has(4), two.has(4)]);
  expect(one.said()).toEqual(["batch 0", "chat 0", "batch 2", "chat 1"]);
  expect(two.heard).toEqual(one.heard);
  expect(one.heard[2]).toEqual({
    ...{ class: "batch", level: 2, reason: "because of 2", until: "2026-01-01T00:15:00.000Z" },
  });
  expect(one.heard[3]?.until).toBeNull();
  expect(troubles).toEqual([]);
});

// Goal: a level that ends, or lasts, by time alone is told at its time: no change has to move.
test("looks again when a level may be over", async () => {
  const gateway = await Gateway.open();
  const clock = new WatchedClock();
  const endMs = clock.now() + 3_000;
  const webhooks = shedWebhooks({
    urls: [gateway.url],
    levels: () => [clock.now() < endMs ? level("batch", 1, endMs) : level("batch", 0)],
    clock,
    onTrouble: () => expect.unreachable(),
  });
  onTestFinished(() => ends(webhooks, clock));
  webhooks.update();
  await gateway.has(1);
  clock.advance(3_000);
  await gateway.has(2);
  expect(gateway.said()).toEqual(["batch 1", "batch 0"]);
});

// Goal: what is not heard is tried again ever less often, as it is by then, one at a time; trouble is told once, and its end.
test("a gateway that fails hears the newest when it is well", async () => {
  const gateway = await Gateway.open(503, 500, 404);
  const { clock, set, troubles, hasTroubles } = telling([gateway.url], [level("batch", 0)]);
  set([level("batch", 1)]);
  await hasTroubles(1);
  for (const [index, waitMs] of [1_000, 2_000, 4_000].entries()) {
    await clock.pending(waitMs);
    if (index === 0) set([level("batch", 2)]);
    if (index === 2) set([level("batch", 3)]);
    clock.advance(waitMs);
    await gateway.has(index + 2);
  }
  await hasTroubles(2);
  expect(gateway.said()).toEqual(["batch 1", "batch 2", "batch 2", "batch 3"]);
  expect(gateway.most).toBe(1);
  const where = `shed webhook 1 at ${new URL(gateway.url).origin}`;
  expect(troubles).toEqual([
    { where, failure: { code: "WEBHOOK_FAILED", message: expect.stringContaining("503"), mend: expect.any(String) } },
    { where },
  ]);
});

// Goal: waits grow to a minute and no further.
test("waits a minute at most", async () => {
  const gateway = await Gateway.open(...Array<Answer>(8).fill(500));
  const { clock, webhooks } = telling([gateway.url], [level("batch", 1)]);
  webhooks.update();
  for (const waitMs of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
    await clock.pending(waitMs);
    clock.advance(waitMs);
  }
  await gateway.has(9);
});

// Goal: a gateway that does not answer costs its time-out, and holds up neither the caller nor the others.
test("a slow gateway", async () => {
  const [slow, quick] = [await Gateway.open("never"), await Gateway.open()];
  const { clock, set, troubles, hasTroubles } = telling([slow.url, quick.url], [level("batch", 1)]);
  set([level("batch", 1)]);
  await slow.has(1);
  set([level("batch", 2)]);
  await quick.has(2);
  expect(slow.said(), "one at a time").toEqual(["batch 1"]);
  clock.advance(5_000);
  await hasTroubles(1);
  expect(troubles[0]?.failure?.message).toBe("no answer within 5 s");
  await clock.pending(1_000);
  clock.advance(1_000);
  await slow.has(2);
  expect(slow.said()).toEqual(["batch 1", "batch 2"]);
});

// Goal: nothing but the inventory says who is told.
test("a redirect is not followed", async () => {
  const elsewhere = await Gateway.open();
  const gateway = await Gateway.open({ redirect: elsewhere.url });
  const { clock, webhooks, troubles, hasTroubles } = telling([gateway.url], [level("batch", 1)]);
  webhooks.update();
  await hasTroubles(1);
  expect(troubles[0]?.failure?.message).toContain("307");
  await clock.pending(1_000);
  clock.advance(1_000);
  await gateway.has(2);
  expect(elsewhere.heard).toEqual([]);
});

// Goal: where nothing listens the reason is said, and not the URL, whose query may be a secret.
test("nobody listens", async () => {
  const gateway = await Gateway.open();
  gateway.close();
  const { webhooks, troubles, hasTroubles } = telling([gateway.url], [level("batch", 1)]);
  webhooks.update();
  await hasTroubles(1);
  expect(troubles[0]?.failure?.message).toContain("ECONNREFUSED");
  expect(JSON.stringify(troubles)).not.toContain("secret");
});

// Goal: as it ends it still tells what it has to, without waiting out a retry, and waits for nobody longer than two seconds.
test("stops", async () => {
  const [well, slow] = [await Gateway.open(500), await Gateway.open("never")];
  const { clock, set, webhooks, hasTroubles } = telling([well.url, slow.url], [level("batch", 2)]);
  webhooks.update();
  await Promise.all([hasTroubles(1), slow.has(1)]);
  await clock.pending(1_000);
  set([level("batch", 0)]);
  const stopped = webhooks.stop();
  await well.has(2);
  await clock.pending(2_000);
  clock.advance(2_000);
  await stopped;
  expect(well.said()).toEqual(["batch 2", "batch 0"]);
  expect(slow.said()).toEqual(["batch 2"]);
});

/*
 * Goal: a controller that starts tells what its journal holds, then what people do.
 * Method: a whole controller without routers, on the journal of one that ended while a proposal waited.
 */
test("a controller tells its gateways", async () => {
  const gateway = await Gateway.open();
  const folder = await mkdtemp(join(tmpdir(), "pointsman-shed-"));
  const stateFolder = await claimStateFolder(folder);
  const journal = await openJournal({ file: join(folder, journalFile), clock: systemClock });
  const waiting = change({ id: "c1", state: "awaiting-approval", to: { a: held }, atMs: systemClock.now() });
  const entry = { event: "change.awaiting-approval", actor: "pointsman", subject: "c1", body: null };
  await journal.append(entry, { change: waiting });
  await journal.close();
  const running = await startController({
    settings: { network: { ...network, shedWebhooks: [gateway.url] }, policies: [] },
    ...{ stateFolder, apiPort: 0, clock: systemClock, random: seededRandom(1) },
    resolveSecret: () => expect.unreachable(),
    onTransition: () => undefined,
    onConclusion: () => undefined,
    onTrouble: () => expect.unreachable(),
  });
  onTestFinished(async () => {
    await running.stop();
    await stateFolder.release();
    await rm(folder, { recursive: true, force: true });
  });
  await gateway.has(3);
  expect(gateway.said()).toEqual(["batch 1", "interactive 0", "standard 0"]);
  expect(gateway.heard[0]?.until).toBe(new Date(waiting.expiresMs).toISOString());
  await running.controller.reject("c1", "ann", "not now");
  await gateway.has(4);
  expect(gateway.said().at(-1)).toBe("batch 0");
  expect(await running.controller.shed()).toMatchObject([{ class: "batch", level: 0 }, { level: 0 }, { level: 0 }]);
});
