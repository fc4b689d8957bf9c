import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/kernel/clock.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { startLab } from "../../src/lab/lab.ts";
import { type SampleSink, SeriesTable } from "../../src/model/sample.ts";
import { gnmiSource } from "../../src/telemetry/gnmi/gnmi-source.ts";
import { prometheusSource } from "../../src/telemetry/prometheus.ts";

// Goal: the controller's own readers and the lab, written apart and with different codecs, mean the same by the same bytes.
test("the telemetry sources read from the lab what its model says", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lab-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const intervalMs = 200;
  const lab = await startLab({
    ...{ scenario: "two-transits", folder, seed: 3, clock: systemClock },
    timing: { intervalMs, peakAfterMs: 3_600_000 },
  });
  onTestFinished(() => lab.stop());
  const portOf = (name: string, protocol: string) =>
    Number(new URL(lab.endpoints.find((each) => each.name === name && each.protocol === protocol)?.url ?? "").port);

  const table = new SeriesTable();
  const readings: { about: string; value: number | string; atMs: number }[] = [];
  const statuses: string[] = [];
  let wake = () => {};
  const record = (id: number, value: number | string, atMs: number) => {
    const { target, name, labels } = table.get(id);
    readings.push({ about: [target, name, ...Object.values(labels)].join(" "), value, atMs });
    wake();
  };
  const sink: SampleSink = {
    number: record,
    text: record,
    gone: (id) => expect.unreachable(`${table.get(id).name} is gone`),
    target: (name, { state }) => statuses.push(`${name} ${state}`),
  };
  const common = {
    resolveSecret: () => readFile(join(folder, "password"), "utf8"),
    table,
    intervalMs,
    clock: systemClock,
    random: seededRandom(1),
  };
  const prefixInbound = { query: "flow_inbound_bits_per_second", linkLabel: "link", prefixLabel: "prefix" };
  const sources = [
    gnmiSource({
      ...common,
      device: "edge-a",
      interfaces: ["eth1"],
      queues: [],
      access: {
        host: "127.0.0.1",
        port: portOf("edge-a", "gNMI over TLS"),
        username: "pointsman",
        password: { file: "password" },
        ca: join(folder, "ca.pem"),
        serverName: "edge-a",
      },
    }),
    prometheusSource({
      ...common,
      access: {
        url: `http://127.0.0.1:${portOf("prometheus", "Prometheus HTTP API")}`,
        queries: { prefixInbound },
      },
      classes: [],
    }),
  ];
  onTestFinished(async () => {
    for (const source of sources) await source.stop();
  });
  for (const source of sources) source.start(sink);

  const counters = "/interfaces/interface/state/counters";
  const of = (about: string) => readings.filter((reading) => reading.about === about);
  const octets = () => of(`edge-a ${counters}/in-octets eth1`);
  const eleven = () => of("prometheus prefixInbound transit-a 11.0.0.0/24");
  while (octets().length < 4 || eleven().length < 2) await new Promise<void>((resolve) => (wake = resolve));

  const [first, last] = [octets()[0], octets().at(-1)];
  const rate = ((Number(last?.value) - Number(first?.value)) * 8_000) / ((last?.atMs ?? 0) - (first?.atMs ?? 0));
  expect(Math.abs(rate / 480e6 - 1)).toBeLessThan(0.02);
  expect(Math.abs(Number(eleven()[0]?.value) / 300e6 - 1)).toBeLessThan(0.02);
  expect(Math.abs((last?.atMs ?? 0) - Date.now())).toBeLessThan(10_000);
  expect(of("edge-a /interfaces/interface/state/oper-status eth1")[0]?.value).toBe("UP");
  const lastClearMs = Number(of(`edge-a ${counters}/last-clear eth1`)[0]?.value) / 1e6;
  expect(Math.abs(lastClearMs - Date.now())).toBeLessThan(10_000);
  expect(statuses).toContain("edge-a synced");
  expect(statuses).toContain("prometheus synced");
});
