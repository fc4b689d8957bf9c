import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";

/** A folder of its own for one test, with these files; gone when the test is over. */
export async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "pointsman-config-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), text, { mode: 0o600 });
  }
  return folder;
}

export const policyText = `apiVersion: pointsman/v1
kind: Policy
metadata: { name: transit-congestion, description: Move prefixes before the link drops them. }
spec:
  mode: propose
  scope: { links: { role: transit } }
  trigger:
    signal: link.utilisation.in
    above: 85%
    clear: 65%
    for: 3 of 5
    every: 10s
  decide: { action: bgp-prepend, objective: cost, maxPrepends: 3, target: 75% }
  guard: { maxDevices: 2, maxTrafficMoved: 30%, freshness: 3 intervals, coverage: 90%, surviveAnyLinkFailure: true }
  approve: { people: 1, expires: 15m }
  verify: { observe: 60s, require: ["link.utilisation.in below 85%"] }
  hold: 10m
`;

export const networkText = `apiVersion: pointsman/v1
kind: Network
as: 65000
devices:
  - name: edge-a
    platform: openconfig
    management: { host: 127.0.0.1, port: 2222, username: pointsman, password: { env: LAB_PASSWORD }, hostKey: "SHA256:${"A".repeat(43)}" }
    gnmi: { host: 127.0.0.1, port: 9339, username: pointsman, password: { file: password }, ca: ca.pem, serverName: edge-a }
  - name: edge-b
    platform: frr
    management: { host: "::1", port: 22, username: pointsman, privateKey: { file: keys/id }, hostKey: "SHA256:${"b/+4".repeat(10)}abc" }
links:
  - name: transit-a
    device: edge-a
    interface: eth1
    role: transit
    capacity: 1 Gbit/s
    cost: { perMbitMonth: 0.20, currency: USD }
    bgp: { neighbor: 192.0.2.1, exportPolicy: TRANSIT-OUT }
  - name: transit-b
    device: edge-b
    interface: eth1
    role: transit
    capacity: 10 Gbit/s
    cost: { perMbitMonth: 0.50, currency: USD }
    bgp: { neighbor: 2001:db8::1, exportPolicy: TRANSIT-OUT }
prefixes: [10.0.0.0/24, 2001:db8::/32]
telemetry:
  interval: 10s
  prometheus:
    url: http://127.0.0.1:9090
    queries:
      prefixInbound: { query: flow_inbound_bits_per_second, linkLabel: link, prefixLabel: prefix }
      linkInbound: { query: link_inbound_bits_per_second, linkLabel: link }
freezes:
  - { reason: nightly backup, daily: "22:00-06:00" }
  - { reason: launch, from: 2026-12-01T00:00:00Z, to: 2026-12-02T00:00:00+01:00 }
policies: [policies]
`;

/** The text with one part replaced, which must be there. */
export function edit(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`no "${from}" to replace`);
  return text.replace(from, to);
}
