import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startController } from "../../src/app/controller.ts";
import { claimStateFolder } from "../../src/app/state-folder.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { network } from "../te/two-transits.ts";
import { answer, FakeCache } from "../telemetry/rtr/fake-cache.ts";

// Goal: a controller asks its RPKI caches, and its status says how each of them is. Method: a whole controller without routers.
test("status shows each RPKI cache", async () => {
  const cache = new FakeCache((_, socket) => void socket.write(answer(7, 1, ["11.0.0.0/24 65000"])));
  const gone = new FakeCache(() => undefined);
  const [port, nobody] = [await cache.listen(), await gone.listen()];
  await gone.close();
  onTestFinished(() => cache.close());
  const folder = await mkdtemp(join(tmpdir(), "pointsman-rpki-"));
  const stateFolder = await claimStateFolder(folder);
  const caches = [port, nobody].map((number) => ({ host: "127.0.0.1", port: number }));
  const running = await startController({
    settings: { network: { ...network, rpki: { caches, requireValid: false } }, policies: [] },
    ...{ stateFolder, apiPort: 0, clock: systemClock, random: seededRandom(1) },
    resolveSecret: () => expect.unreachable(),
    onTransition: () => undefined,
    onConclusion: () => undefined,
    onTrouble: () => undefined,
  });
  onTestFinished(async () => {
    await running.stop();
    await stateFolder.release();
    await rm(folder, { recursive: true, force: true });
  });
  const targets = async () => (await running.controller.status()).targets;
  await expect.poll(async () => (await targets())[`rpki 127.0.0.1:${port}`]).toEqual({ state: "synced" });
  await expect
    .poll(async () => (await targets())[`rpki 127.0.0.1:${nobody}`])
    .toEqual({
      state: "down",
      reason: "cannot be talked to: ECONNREFUSED",
      mend: "check that the cache is up, and host and port of rpki.caches",
    });
});
