import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startController } from "../../src/app/controller.ts";
import { claimStateFolder } from "../../src/app/state-folder.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { Failure } from "../../src/kernel/failure.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import type { ApiAccess } from "../../src/model/access.ts";
import { network } from "../te/two-transits.ts";

/** Takes connections, and counts them. */
async function listening() {
  let [taken, own] = [0, 0];
  const server = createServer((socket) => {
    taken += 1;
    socket.on("error", () => undefined).destroy();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  /** How many have connected by now: those before one of our own. */
  async function others(): Promise<number> {
    own += 1;
    await once(connect(port, "127.0.0.1").resume(), "close");
    return taken - own;
  }
  return { port, others };
}

const token = { name: "ann", role: "operator", token: { env: "ANN" } } as const;

// Goal: what the API lacks is found before any router or cache hears of us. Method: a controller whose router and cache count who connects.
test.each<[string, string, (taken: number) => Partial<ApiAccess>]>([
  ["a port in use", "CONFIG_INVALID", (port) => ({ port })],
  ["a token that leads nowhere", "SECRET_MISSING", () => ({ tokens: [token] })],
  [
    "a certificate that is not there",
    "CONFIG_INVALID",
    () => ({ port: 0, tls: { certificate: "/none", key: { env: "K" } } }),
  ],
])("%s", async (_, code, lacking) => {
  const [router, cache] = [await listening(), await listening()];
  const folder = await mkdtemp(join(tmpdir(), "pointsman-start-"));
  const stateFolder = await claimStateFolder(folder);
  onTestFinished(async () => {
    await stateFolder.release();
    await rm(folder, { recursive: true, force: true });
  });
  const management = {
    host: "127.0.0.1",
    port: router.port,
    username: "u",
    password: { env: "P" },
    hostKey: `SHA256:${"A".repeat(43)}`,
  };
  const names = new Set(network.links.map((link) => link.device));
  const bgp = { neighbor: "192.0.2.1", exportPolicy: "OUT" };
  const links = network.links.map((link) => ({ ...link, bgp }));
  const devices = Array.from(names, (name) => ({ name, platform: "openconfig" as const, management }));
  const rpki = { caches: [{ host: "127.0.0.1", port: cache.port }], requireValid: false };
  const starting = startController({
    settings: {
      network: { ...network, links, devices, rpki },
      policies: [],
      api: { host: "127.0.0.1", tokens: [], ...lacking(router.port) },
    },
    ...{ stateFolder, clock: systemClock, random: seededRandom(1) },
    resolveSecret: async (ref) => {
      if (!("env" in ref) || ref.env !== "ANN") return "secret";
      await cache.others(); // It takes its time.
      throw new Failure("SECRET_MISSING", "ANN is not set");
    },
    onTransition: () => undefined,
    onConclusion: () => undefined,
    onTrouble: () => undefined,
  });
  await expect(starting).rejects.toMatchObject({ code });
  expect([await router.others(), await cache.others()]).toEqual([0, 0]);
});
