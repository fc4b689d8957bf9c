import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/kernel/clock.ts";
import { createCertificateAuthority } from "../../src/lab/certificates.ts";
import type { RpkiCache } from "../../src/model/inventory.ts";
import { SeriesTable } from "../../src/model/sample.ts";
import { NetworkFold } from "../../src/state/network-fold.ts";
import { originValidity } from "../../src/te/route-origin.ts";
import { rtrSource } from "../../src/telemetry/rtr/rtr-source.ts";
import { judgeGuards } from "../support/untouched.ts";
import { a, announcements, decisionOf, network, peak, policyOf, prepend } from "../te/two-transits.ts";
import { startStayrtr, type WrittenVrp } from "./stayrtr-server.ts";

async function cacheOf(vrps: readonly WrittenVrp[], options: Parameters<typeof startStayrtr>[1] = {}) {
  const stayrtr = await startStayrtr(vrps, options);
  onTestFinished(() => stayrtr.stop());
  return stayrtr;
}

/** The fold of a controller whose one source is this cache, and waiting for what it knows. */
function listenTo(cache: RpkiCache) {
  const ours = { ...network, rpki: { caches: [cache], requireValid: false } };
  const fold = new NetworkFold(ours, new SeriesTable());
  const source = rtrSource({ caches: [cache], prefixes: network.prefixes, clock: systemClock, random: Math.random });
  source.start(fold);
  onTestFinished(() => source.stop());
  const snapshot = () => fold.snapshot(systemClock.now());
  const until = (condition: () => boolean) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (!condition()) return;
        stop();
        resolve();
      };
      const stop = fold.onUpdate(check);
      check();
    });
  const status = () => snapshot().targets.get(`rpki ${cache.host}:${cache.port}`)?.state;
  const validity = () => {
    const { vrps = [] } = snapshot().routeOrigins ?? {};
    return network.prefixes.map((prefix) => originValidity(vrps, { prefix, as: network.as }).validity);
  };
  /** What the guards say, right before a push at that time, to the main scenario's change. */
  const denials = (nowMs: number) => {
    const { routeOrigins } = snapshot();
    const facts = { announcements, steering: [], qos: [], sites: [], drained: [], changesInFlight: [], touchedMs: [] };
    const findings = judgeGuards({
      ...facts,
      policy: policyOf(),
      network: ours,
      state: { ...peak, ...(routeOrigins ? { routeOrigins } : {}) },
      decision: decisionOf([prepend("11.0.0.0/24", a, 0, 3)]),
      switches: { frozen: null, killed: null },
      phase: "push",
      nowMs,
    });
    return findings.filter(({ guard, allow }) => guard.startsWith("rpki") && !allow).map(({ reason }) => reason);
  };
  return { snapshot, until, status, validity, denials };
}

// Goal: against a real cache: synchronised; valid, invalid and not found told apart; an announcement that was fine is denied at the push
// once its VRP is another's; with the cache gone, what it said counts until it expires, and then everything is denied.
test("valid, then invalid, then nobody there", async () => {
  const stayrtr = await cacheOf(["11.0.0.0/24 65000", "12.0.0.0/16-24 64999", "203.0.113.0/24 1"]);
  const { snapshot, until, status, validity, denials } = listenTo({ host: "127.0.0.1", port: stayrtr.port });
  await until(() => status() === "synced");
  expect(validity()).toEqual(["not-found", "valid", "invalid"]);
  expect(denials(systemClock.now())).toEqual([]);

  await stayrtr.tell(["11.0.0.0/24 64999", "12.0.0.0/16-24 65000"]);
  await until(() => validity()[1] === "invalid");
  expect(validity()).toEqual(["not-found", "invalid", "valid"]);
  expect(denials(systemClock.now())).toEqual([
    "11.0.0.0/24 from AS 65000 is RPKI-invalid: VRPs name AS 64999 for 11.0.0.0/24 to /24",
  ]);

  await stayrtr.tell(["11.0.0.0/24 64999", "11.0.0.0/8-24 65000"]);
  await until(() => validity()[1] === "valid");
  const { expiresMs = 0, measuredMs = 0 } = snapshot().routeOrigins ?? {};
  expect(expiresMs - measuredMs).toBe(600_000);

  await stayrtr.kill();
  await until(() => status() === "down");
  expect(denials(expiresMs - 1)).toEqual([]);
  expect(denials(expiresMs)).toEqual([
    `what rpki 127.0.0.1:${stayrtr.port} said expired 0 s ago, and no data is never fine`,
  ]);
});

// Goal: the same table whatever version the cache was told to speak, and over TLS.
test.each([0, 1, 2] as const)("stayrtr that speaks version %i", async (protocol) => {
  const stayrtr = await cacheOf(["11.0.0.0/24 65000"], { protocol });
  const { until, status, validity } = listenTo({ host: "127.0.0.1", port: stayrtr.port });
  await until(() => status() === "synced");
  expect(validity()).toEqual(["not-found", "valid", "not-found"]);
});

test("over TLS", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "pointsman-rtr-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const authority = await createCertificateAuthority();
  const ca = path.join(folder, "ca.pem");
  await writeFile(ca, authority.certificate);
  const stayrtr = await cacheOf(["11.0.0.0/24 65000"], { tls: await authority.issue("cache.example") });
  const tls = { ca, serverName: "cache.example" };
  const { until, status, validity } = listenTo({ host: "127.0.0.1", port: stayrtr.tlsPort, tls });
  await until(() => status() === "synced");
  expect(validity()).toEqual(["not-found", "valid", "not-found"]);
});
