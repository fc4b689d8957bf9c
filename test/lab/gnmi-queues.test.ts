import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createCertificateAuthority } from "../../src/lab/certificates.ts";
import { startGnmiServer } from "../../src/lab/gnmi/server.ts";
import { SeriesTable } from "../../src/model/sample.ts";
import { gnmiSource } from "../../src/telemetry/gnmi/gnmi-source.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";
import { RecordingSink } from "../telemetry/recording-sink.ts";

// Goal: the client asks for queues in the words that the server, with a codec of its own, understands.
test("the telemetry client reads an emulated router's queues", async () => {
  const clock = new SimulatedClock();
  const authority = await createCertificateAuthority();
  const folder = await mkdtemp(join(tmpdir(), "pointsman-queues-"));
  await writeFile(join(folder, "ca.pem"), authority.certificate);
  const startMs = clock.now();
  const queues = () => [
    { name: "interactive", transmitOctets: clock.now() - startMs, droppedOctets: 2, maxQueueLen: 3 },
    { name: "bulk", transmitOctets: 4, droppedOctets: 5, maxQueueLen: 6 },
  ];
  const still = { inOctets: 0, outOctets: 0, inPkts: 0, outPkts: 0, inDiscards: 0, outDiscards: 0 };
  const of = (name: string) => ({ name, operStatus: "UP" as const, capacity: 1e9, lastClearMs: startMs, ...still });
  const server = await startGnmiServer({
    ...{ username: "pointsman", password: "right", clock, certificate: await authority.issue("edge-a") },
    interfaces: () => [{ ...of("eth1"), queues: queues() }, of("eth2")],
  });
  const table = new SeriesTable();
  const sink = new RecordingSink(table);
  const source = gnmiSource({
    ...{ device: "edge-a", table, intervalMs: 1_000, clock, random: () => 0.5 },
    access: {
      ...{ host: "127.0.0.1", port: server.port, username: "pointsman", password: { env: "PW" } },
      ...{ ca: join(folder, "ca.pem"), serverName: "edge-a" },
    },
    resolveSecret: () => Promise.resolve("right"),
    interfaces: ["eth1", "eth2"],
    queues: ["eth1", "eth2"],
  });
  onTestFinished(async () => {
    await source.stop();
    server.stop();
    await rm(folder, { recursive: true });
  });
  source.start(sink);
  await sink.state("synced");

  const ofQueue = (name: string, leaf: string) =>
    `/qos/interfaces/interface/output/queues/queue/state/${leaf}{"interface.interface-id":"eth1","queue.name":"${name}"}`;
  const read = () => Object.fromEntries(Object.entries(sink.values()).filter(([series]) => series.startsWith("/qos")));
  expect(read()).toEqual({
    [ofQueue("interactive", "transmit-octets")]: 0,
    [ofQueue("interactive", "dropped-octets")]: 2,
    [ofQueue("interactive", "max-queue-len")]: 3,
    [ofQueue("bulk", "transmit-octets")]: 4,
    [ofQueue("bulk", "dropped-octets")]: 5,
    [ofQueue("bulk", "max-queue-len")]: 6,
  });
  clock.advance(1_000);
  await sink.until(() => read()[ofQueue("interactive", "transmit-octets")] === 1_000);
});
