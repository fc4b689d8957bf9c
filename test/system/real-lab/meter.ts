import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { createServer } from "node:http";
import { promisify } from "node:util";

/**
 * Runs in a machine of the lab: Prometheus text on port 9100 of an address, of what a shell command prints at the moment of the scrape,
 * and, given a port for probes, of how long those were on the way and how many have been sent (RFC 7679, 7680; one clock, so one way).
 */
const [address = "", command = "", probePort] = process.argv.slice(2);
const run = promisify(execFile);
// Close together where the lab's full queue is, 126 ms: a quantile is only known between two of them.
const bounds = [
  ...[0.1, 0.25, 0.5, 1, 2, 3, 4, 5, 7.5, 10, 15, 20, 30, 40, 50, 60, 75, 90],
  ...[100, 110, 115, 120, 125, 130, 135, 140, 150, 200, 300, 500, 1_000],
];
const counts = bounds.map(() => 0);
let [received, sumMs, highest] = [0, 0, -1];

if (probePort !== undefined) {
  const socket = createSocket("udp4");
  socket.on("message", (packet) => {
    const onTheWayMs = Number(process.hrtime.bigint() - packet.readBigUInt64BE(4)) / 1e6;
    bounds.forEach((bound, at) => {
      if (onTheWayMs <= bound) counts[at] = (counts[at] as number) + 1;
    });
    received += 1;
    sumMs += onTheWayMs;
    highest = Math.max(highest, packet.readUInt32BE(0));
  });
  socket.bind(Number(probePort));
}

const probes = () => [
  "# TYPE probe_latency_seconds histogram",
  ...bounds.map((bound, at) => `probe_latency_seconds_bucket{le="${bound / 1_000}"} ${counts[at]}`),
  `probe_latency_seconds_bucket{le="+Inf"} ${received}`,
  `probe_latency_seconds_sum ${sumMs / 1_000}`,
  `probe_latency_seconds_count ${received}`,
  "# TYPE probe_sent_total counter",
  `probe_sent_total ${highest + 1}`,
];

const server = createServer((_, response) => {
  run("/bin/sh", ["-c", command]).then(
    ({ stdout }) => response.end(`${stdout}${probePort === undefined ? "" : `${probes().join("\n")}\n`}`),
    (error: Error) => response.writeHead(500).end(error.message),
  );
});
server.listen(9100, address, () => console.log("ready"));
