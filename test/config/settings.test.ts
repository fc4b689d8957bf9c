import path from "node:path";
import { expect, test } from "vitest";
import { loadSettings } from "../../src/config/settings.ts";
import { edit, folderWith, networkText, policyText } from "./files.ts";

async function load(network: string, policy = policyText) {
  const folder = await folderWith({ "pointsman.yaml": network, "policies/p.yaml": policy });
  return { folder, loaded: await loadSettings(path.join(folder, "pointsman.yaml")) };
}

async function problemsOf(network: string, policy = policyText): Promise<string[]> {
  const { folder, loaded } = await load(network, policy);
  if (loaded.ok) return [];
  expect(loaded.failure.code).toBe("CONFIG_INVALID");
  expect(loaded.failure.message.split("\n").length).toBe(loaded.problems.length);
  return loaded.failure.message.replaceAll(`${folder}/`, "").split("\n");
}

// Goal: the whole inventory is read, in the units of the model, with every path absolute.
test("an inventory and its policies are read", async () => {
  const { folder, loaded } = await load(networkText);
  if (!loaded.ok) throw loaded.failure;
  expect(loaded.value.policies.map(({ name }) => name)).toEqual(["transit-congestion"]);
  expect(loaded.value.network).toEqual({
    as: 65_000,
    devices: [
      {
        name: "edge-a",
        platform: "openconfig",
        management: {
          host: "127.0.0.1",
          port: 2222,
          username: "pointsman",
          password: { env: "LAB_PASSWORD" },
          hostKey: `SHA256:${"A".repeat(43)}`,
        },
        gnmi: {
          host: "127.0.0.1",
          port: 9339,
          username: "pointsman",
          password: { file: path.join(folder, "password") },
          ca: path.join(folder, "ca.pem"),
          serverName: "edge-a",
        },
      },
      {
        name: "edge-b",
        platform: "frr",
        management: {
          host: "::1",
          port: 22,
          username: "pointsman",
          privateKey: { file: path.join(folder, "keys/id") },
          hostKey: `SHA256:${"b/+4".repeat(10)}abc`,
        },
      },
    ],
    links: [
      {
        name: "transit-a",
        device: "edge-a",
        interface: "eth1",
        role: "transit",
        capacity: 1e9,
        cost: { perMbitMonth: 0.2, currency: "USD" },
        bgp: { neighbor: "192.0.2.1", exportPolicy: "TRANSIT-OUT" },
      },
      {
        name: "transit-b",
        device: "edge-b",
        interface: "eth1",
        role: "transit",
        capacity: 10e9,
        cost: { perMbitMonth: 0.5, currency: "USD" },
        bgp: { neighbor: "2001:db8::1", exportPolicy: "TRANSIT-OUT" },
      },
    ],
    prefixes: ["10.0.0.0/24", "2001:db8::/32"],
    classes: [],
    flows: [],
    telemetry: {
      intervalMs: 10_000,
      prometheus: {
        url: "http://127.0.0.1:9090",
        queries: {
          prefixInbound: { query: "flow_inbound_bits_per_second", linkLabel: "link", prefixLabel: "prefix" },
          linkInbound: { query: "link_inbound_bits_per_second", linkLabel: "link" },
        },
      },
    },
    anycast: [],
    shedWebhooks: [],
    freezes: [
      { reason: "nightly backup", dailyFromMinute: 22 * 60, dailyToMinute: 6 * 60 },
      { reason: "launch", fromMs: Date.UTC(2026, 11, 1), toMs: Date.UTC(2026, 11, 1, 23) },
    ],
  });
});

// Goal: each mistake in the inventory is told once, with its line, its field and what to write instead.
test.each<[from: string, to: string, problem: string]>([
  ["as: 65000", "as: 23456", "3:1 as: is a reserved AS number that no network has; write your own AS number"],
  [
    "as: 65000",
    "as: AS65000",
    '3:1 as: "AS65000" is not a whole number from 1 to 4294967294; write a whole number from 1 to 4294967294, for example 65000',
  ],
  [
    "platform: openconfig",
    "platform: openconfg",
    '6:5 devices[0].platform: "openconfg" is not known; did you mean "openconfig"?',
  ],
  [
    "platform: openconfig",
    "platform: junos",
    '6:5 devices[0].platform: "junos" is not known; known here: openconfig, frr, linux-srv6, linux-htb',
  ],
  [
    "port: 2222",
    "port: 65536",
    "7:36 devices[0].management.port: 65536 is not a whole number from 1 to 65535; write a whole number from 1 to 65535, for example 830",
  ],
  [
    "host: 127.0.0.1, port: 2222",
    "host: 127.0.0.1:2222, port: 2222",
    '7:19 devices[0].management.host: "127.0.0.1:2222" is not a host name or an address, without scheme or port; write a host name or an address, without scheme or port, for example 192.0.2.10',
  ],
  [
    "password: { env: LAB_PASSWORD }, ",
    "",
    "7:5 devices[0].management: has no way to log in; add password or privateKey, or both",
  ],
  [
    "{ env: LAB_PASSWORD }",
    "{ env: LAB_PASSWORD, file: x }",
    "7:69 devices[0].management.password: must name one place; write one of env, file and command",
  ],
  [
    "{ env: LAB_PASSWORD }",
    "{}",
    "7:69 devices[0].management.password: must name one place; write one of env, file and command",
  ],
  [
    "{ env: LAB_PASSWORD }",
    "hunter2",
    "7:69 devices[0].management.password: the value is not a reference to a secret; write a reference to a secret, for example { env: ROUTER_PASSWORD }, { file: password } or { command: [pass, router] }",
  ],
  [
    "{ env: LAB_PASSWORD }",
    '{ env: "hunter 2" }',
    "7:81 devices[0].management.password.env: the value is not the name of an environment variable; write the name of an environment variable, for example ROUTER_PASSWORD",
  ],
  [
    `SHA256:${"A".repeat(43)}`,
    `SHA256:${"A".repeat(42)}`,
    `7:102 devices[0].management.hostKey: "SHA256:${"A".repeat(42)}" is not a host key fingerprint as ssh-keygen -l prints it; write a host key fingerprint as ssh-keygen -l prints it, for example "SHA256:<43 characters>", from ssh-keygen -l -f <key>.pub on the router`,
  ],
  [
    "username: pointsman, password: { file: password }",
    "username: pointsman",
    "8:5 devices[0].gnmi: has only one of username and password; give both, or neither",
  ],
  [
    "  - name: edge-b",
    "  - name: edge-a",
    '9:5 devices[1].name: "edge-a" is already the name of devices[0]; give each a name of its own\npointsman.yaml:21:5 links[1].device: there is no device "edge-b"; did you mean "edge-a"?',
  ],
  ["device: edge-b", "device: edge-bb", '21:5 links[1].device: there is no device "edge-bb"; did you mean "edge-b"?'],
  [
    "device: edge-b",
    "device: edge-a",
    "22:5 links[1].interface: interface eth1 on edge-a is already that of links[0]; give each link its own, or remove one of the two",
  ],
  [
    "name: transit-b",
    "name: transit-a",
    '20:5 links[1].name: "transit-a" is already the name of links[0]; give each a name of its own',
  ],
  [
    "capacity: 1 Gbit/s",
    "capacity: 1 Gbps",
    '17:5 links[0].capacity: "1 Gbps" is not a rate in bit/s, kbit/s, Mbit/s, Gbit/s or Tbit/s; write a rate in bit/s, kbit/s, Mbit/s, Gbit/s or Tbit/s, for example 10 Gbit/s',
  ],
  [
    "capacity: 1 Gbit/s",
    "capacity: 0 bit/s",
    "17:5 links[0].capacity: is zero; write the speed of the link, for example 10 Gbit/s",
  ],
  [
    "perMbitMonth: 0.20",
    "perMbitMonth: -1",
    "18:13 links[0].cost.perMbitMonth: -1 is not an amount of money, zero or more; write an amount of money, zero or more, for example 0.2",
  ],
  [
    "0.50, currency: USD",
    "0.50, currency: EUR",
    "25:33 links[1].cost.currency: EUR cannot be compared with USD of an earlier link; write all costs in one currency",
  ],
  [
    "neighbor: 192.0.2.1",
    "neighbor: 192.0.2.256",
    '19:12 links[0].bgp.neighbor: "192.0.2.256" is not an IP address; write an address, for example 192.0.2.1',
  ],
  [
    "exportPolicy: TRANSIT-OUT }\n  -",
    "exportPolicy: TRANSIT OUT }\n  -",
    '19:33 links[0].bgp.exportPolicy: "TRANSIT OUT" is not a policy name; write a policy name, for example TRANSIT-OUT',
  ],
  [
    "    bgp: { neighbor: 192.0.2.1, exportPolicy: TRANSIT-OUT }\n",
    "",
    '13:5 links[0]: has no bgp, and policy "transit-congestion" moves prefixes here with bgp-prepend; add bgp: { neighbor: …, exportPolicy: … }, or give the link another role',
  ],
  [
    "    cost: { perMbitMonth: 0.20, currency: USD }\n",
    "",
    '13:5 links[0]: has no cost, and policy "transit-congestion" decides by cost; add cost: { perMbitMonth: …, currency: … }, or write objective: balance',
  ],
  [
    "10.0.0.0/24",
    "10.0.0.7/24",
    "27:12 prefixes[0]: 10.0.0.7/24 has host bits set: /24 of it is 10.0.0.0/24; write 10.0.0.0/24",
  ],
  [
    "10.0.0.0/24",
    "10.0.0.0",
    "27:12 prefixes[0]: 10.0.0.0 is not an IP prefix; write network/length, for example 192.0.2.0/24 or 2001:db8::/32",
  ],
  ["10.0.0.0/24", "2001:DB8::/32", "27:12 prefixes[0]: 2001:DB8::/32 is not in canonical form; write 2001:db8::/32"],
  ["10.0.0.0/24", "2001:db8::/32", "27:27 prefixes[1]: 2001:db8::/32 is listed twice; remove one of the two"],
  [
    "interval: 10s",
    "interval: 61s",
    '29:3 telemetry.interval: is longer than verify.observe of policy "transit-congestion"; observe for at least one interval, better three\npointsman.yaml:29:3 telemetry.interval: is longer than trigger.every of policy "transit-congestion"; evaluate no more often than samples come',
  ],
  [
    "interval: 10s",
    "interval: 11s",
    '29:3 telemetry.interval: is longer than trigger.every of policy "transit-congestion"; evaluate no more often than samples come',
  ],
  [
    "url: http://127.0.0.1:9090",
    "url: http://me:hunter2@127.0.0.1",
    "31:5 telemetry.prometheus.url: is not an http or https URL without credentials; write for example http://127.0.0.1:9090, and credentials as bearerToken",
  ],
  [
    "url: http://127.0.0.1:9090",
    "url: 127.0.0.1:9090",
    "31:5 telemetry.prometheus.url: is not an http or https URL without credentials; write for example http://127.0.0.1:9090, and credentials as bearerToken",
  ],
  [
    ", prefixLabel: prefix",
    "",
    "33:7 telemetry.prometheus.queries.prefixInbound.prefixLabel: is missing; add prefixLabel: prefix",
  ],
  [
    "      linkInbound: { query: link_inbound_bits_per_second, linkLabel: link }\n",
    "",
    "9:5 devices[1]: nothing measures its links: it has no gnmi, and telemetry.prometheus.queries has no linkInbound; add gnmi to the device, or the linkInbound query",
  ],
  [
    'daily: "22:00-06:00"',
    'daily: "22:00-24:00"',
    '36:31 freezes[0].daily: "22:00-24:00" is not a daily window in UTC; write a daily window in UTC, for example "22:00-06:00"',
  ],
  [
    'daily: "22:00-06:00"',
    'daily: "22:00-22:00"',
    '36:5 freezes[0]: begins and ends at the same minute; write two different times, for example "22:00-06:00"',
  ],
  [
    "from: 2026-12-01T00:00:00Z, ",
    "",
    "37:5 freezes[1]: is neither a daily window nor a span of time; give either daily, or both from and to",
  ],
  [
    "from: 2026-12-01T00:00:00Z",
    "from: 2026-12-03T00:00:00Z",
    "37:5 freezes[1]: ends before it begins; write a time in to that is after from",
  ],
  [
    "from: 2026-12-01T00:00:00Z",
    "from: 2026-12-01",
    '37:23 freezes[1].from: "2026-12-01" is not a time with its zone; write for example 2026-12-01T00:00:00Z',
  ],
  [
    "policies: [policies]",
    "policies: policies",
    '38:1 policies: "policies" is not a list of policy files and folders; write a list of policy files and folders, for example [policies]',
  ],
  ["kind: Network", "kind: Policy", '2:1 kind: "Policy" is not read here; only documents of kind: Network belong here'],
])("%s → %s", async (from, to, problem) => {
  const problems = await problemsOf(edit(networkText, from, to));
  expect(problems.join("\n")).toBe(`pointsman.yaml:${problem}`);
});

// Goal: a value that may be a secret is in no message, wherever someone wrote it by mistake.
test.each([
  [edit(networkText, "{ env: LAB_PASSWORD }", "{ env: { value: hunter2 } }")],
  [edit(networkText, "{ env: LAB_PASSWORD }", '"hunter2')],
  [edit(networkText, "{ env: LAB_PASSWORD }", "hunter2: x: y")],
  [edit(networkText, "url: http", "bearerToken: hunter2\n    url: http")],
  [edit(networkText, "url: http://127.0.0.1:9090", "url: 'hunter2@x'")],
])("no secret in a message, case %#", async (text) => {
  const problems = await problemsOf(text);
  expect(problems.length).toBeGreaterThan(0);
  expect(problems.join("\n")).not.toContain("hunter2");
});

// Goal: problems of the inventory and of its policies come together, the inventory's first, each in the order of its text.
test("everything at once", async () => {
  const network = edit(edit(networkText, "as: 65000", "as: 0"), "device: edge-b", "device: nowhere");
  const problems = await problemsOf(
    edit(network, "policies: [policies]", "policies: [policies, more]"),
    edit(policyText, "mode: propose", "mode: x"),
  );
  expect(problems.map((problem) => problem.split(" ").slice(0, 2).join(" "))).toEqual([
    "pointsman.yaml:3:1 as:",
    "pointsman.yaml:21:5 links[1].device:",
    "pointsman.yaml:38:22 policies[1]:",
    "policies/p.yaml:5:3 spec.mode:",
  ]);
});

// Goal: a policy that nothing in the inventory answers to is a mistake, not a policy that never acts.
test("what a policy needs of the inventory", async () => {
  expect(await problemsOf(networkText, edit(policyText, "role: transit", "role: peering"))).toEqual([
    'pointsman.yaml:12:1 links: policy "transit-congestion" watches peering links, and there are none; give its links role: peering, or take the policy off the list',
  ]);
  const outbound = edit(policyText, 'below 85%"]', 'below 85%"], forbid: ["link.utilisation.out above 90%"]');
  expect(await problemsOf(networkText, outbound)).toEqual([
    'pointsman.yaml:32:5 telemetry.prometheus.queries: has no linkOutbound, and policy "transit-congestion" verifies "link.utilisation.out above 90%" on routers without gnmi; add the linkOutbound query',
  ]);
  const silent = networkText
    .replace(/ {2}prometheus:[\s\S]*?(?=freezes)/, "")
    .replace(/ {2}- name: edge-b\n.*\n.*\n/, "");
  expect(
    await problemsOf(silent.replace("device: edge-b\n    interface: eth1", "device: edge-a\n    interface: eth2")),
  ).toEqual([
    'pointsman.yaml:25:1 telemetry: has no prometheus, and policy "transit-congestion" needs the rate of each prefix; add prometheus, with the prefixInbound query',
  ]);
});

// Goal: only what is written as optional may be left out.
test("defaults", async () => {
  const { loaded } = await load(networkText.replace(/freezes:\n.*\n.*\n/, ""));
  expect(loaded.ok && loaded.value.network.freezes).toEqual([]);
  for (const field of ["as", "devices", "links", "prefixes", "telemetry", "policies"]) {
    const [folder, text] = [await folderWith({}), networkText.replace(new RegExp(`^${field}:`, "m"), "elsewhere:")];
    const without = await loadSettings(path.join(await folderWith({ "pointsman.yaml": text }), "pointsman.yaml"));
    expect(
      !without.ok && without.problems.some((one) => one.field === field && one.message === "is missing"),
      `${field} ${folder}`,
    ).toBe(true);
  }
});

test("no file, and two documents", async () => {
  const nowhere = await loadSettings("/nonexistent/pointsman.yaml");
  expect(!nowhere.ok && nowhere.failure.message).toBe(
    "/nonexistent/pointsman.yaml: there is no such file or folder; create it, or correct the path where it is written",
  );
  expect(await problemsOf(`${networkText}---\n${networkText}`)).toEqual([
    "pointsman.yaml:40:1 a second document; keep one Network in this file",
  ]);
});
