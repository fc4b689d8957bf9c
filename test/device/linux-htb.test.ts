import { execFileSync } from "node:child_process";
import { afterEach, describe, expect, test } from "vitest";
import { canonicalScript } from "../../src/device/linux-htb/canonical-script.ts";
import { linuxHtbDevice } from "../../src/device/linux-htb/linux-htb-device.ts";
import { interfaceOf, selectQueues, unsupportedPayload } from "../../src/device/linux-htb/queues.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import type { DeviceStep } from "../../src/model/device.ts";
import { startScriptedRouter } from "./scripted-router.ts";

const cleanup: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

const allowed = [
  "tc qdisc replace dev eth1 root handle c8: htb default fffd",
  "tc qdisc replace dev eth1 root handle 8001: tbf rate 10Mbit burst 32Kb latency 50.5ms",
  "tc qdisc del dev eth1 root",
  "tc qdisc replace dev eth1 parent c8:ffff handle c8ff: bfifo limit 45000",
  "tc class replace dev eth1 parent c8: classid c8:fffe htb rate 10000000 ceil 10000000 quantum 1514",
  "tc class replace dev eth1 parent c8:fffe classid c8:fffd htb rate 100000 ceil 10000000 prio 0 quantum 1514",
  "tc class replace dev eth1 parent c8:fffe classid c8:1 htb rate 3000000 ceil 10000000 prio 1 quantum 3750",
  "tc class del dev eth1 classid c8:1f",
  "nft add table inet pointsman-eth1",
  "nft delete table inet pointsman-eth1",
  'nft add table inet pointsman-eth1 { comment "before default" ; }',
  "nft add chain inet pointsman-eth1 classes { type filter hook postrouting priority 300 ; policy accept ; }",
  'nft add rule inet pointsman-eth1 classes oifname != "eth1" accept',
  'nft add rule inet pointsman-eth1 classes meta priority set c8:ffff comment "rate 10000000 control 100000"',
  "nft add rule inet pointsman-eth1 classes icmpv6 type 133-137 meta priority set c8:fffd",
  "nft add rule inet pointsman-eth1 classes ip dscp 48 meta priority set c8:fffd",
  'nft add rule inet pointsman-eth1 classes ip6 dscp 46 meta priority set c8:1 comment "rate 3000000.5 ceil 10000000 priority 0 marks 15000 to 45000"',
];

// Goal: what may be sent is for our queues on one interface, and nothing that a shell, `tc` or `nft` could take for more.
describe("a line that may be sent", () => {
  test.each(allowed)("%s", (line) => {
    expect(interfaceOf(line)).toBe("eth1");
    for (const odd of [` ${line}`, `${line}\r`, `${line} `, `${line}\n${line}`, line.toUpperCase(), `${line}; id`]) {
      expect(interfaceOf(odd), odd).toBeUndefined();
    }
    for (const dev of ["lo", "-eth1", "a-name-of-17-letters", "eth1;id", "eth 1", 'e"', ""]) {
      expect(interfaceOf(line.replaceAll("eth1", dev)), dev).toBeUndefined();
    }
  });

  test.each([
    "tc qdisc replace dev eth1 root handle c8: htb default 1",
    "tc qdisc add dev eth1 root handle c8: htb default fffd",
    "tc qdisc del dev eth1 ingress",
    "tc class replace dev eth1 parent c8:fffe classid c8:1 htb rate 3000000 ceil 10000000 prio 8 quantum 1514",
    "tc class replace dev eth1 parent 1: classid 1:1 htb rate 3000000 ceil 10000000 prio 0 quantum 1514",
    "tc filter del dev eth1",
    "nft flush ruleset",
    "nft delete table inet lab",
    'nft add rule inet pointsman-eth1 classes oifname != "eth2" accept',
    "nft add rule inet pointsman-eth1 classes drop",
    'nft add rule inet pointsman-eth1 classes ip dscp 46 meta mark set 1 comment "rate 1 ceil 1 marks 1 to 2"',
    'nft add table inet pointsman-eth1 { comment "before default\\" ; }',
    "ip link set eth1 down",
    "# eth1 other bfifo 7: limit 9000b",
    "# eth1 plain $(id)",
    "",
  ])("is not %j", (line) => {
    expect(interfaceOf(line)).toBeUndefined();
  });
});

describe("a step", () => {
  const plain = "eth1 plain default\n";
  const queues = [
    "eth1 htb rate 10000000 before default\n",
    "eth1 control rate 100000 quantum 1514 limit 150000\n",
    "eth1 class ffff dscp 8 rate 7000000 ceil 10000000 prio 1 priority 7 quantum 8750 marks 15000 to 45000\n",
  ].join("");
  const promise = (reading: string) => reading.replace(/^/gm, "# ").replace(/# $/, "");
  const step: DeviceStep = {
    device: "r1",
    platform: "linux-htb",
    query: "eth1\neth2\n",
    basis: `${plain}eth2 plain default\n`,
    expected: `${queues}eth2 plain default\n`,
    forward: { config: `${allowed[0]}\n${promise(queues)}`, activate: "" },
    inverse: { config: `${allowed[2]}\n${promise(plain)}`, activate: "" },
  };

  test("that says what each interface reads afterwards may be sent", () => {
    expect(unsupportedPayload(step)).toBeUndefined();
  });

  test.each([
    ["nothing", { forward: { config: `${allowed[0]}\n`, activate: "" } }, /another reading/],
    [
      "less",
      { forward: { config: `${allowed[0]}\n${promise(queues.split("\n")[0] ?? "")}\n`, activate: "" } },
      /another reading/,
    ],
    [
      "more",
      { inverse: { config: `${allowed[2]}\n${promise(plain)}${promise(plain)}`, activate: "" } },
      /another reading/,
    ],
    ["another", { inverse: { config: `${allowed[2]}\n${promise(queues)}`, activate: "" } }, /another reading/],
    ["it of an interface that is not read", { query: "eth2\n" }, /not read/],
    ["it and has something to activate", { forward: { ...step.forward, activate: "id" } }, /nothing to activate/],
    ["it of queues that are not ours", { basis: `${plain}eth2 other bfifo 7: limit 9b\n` }, /cannot be changed/],
  ])("that says %s is refused", (_, changes, message) => {
    expect(unsupportedPayload({ ...step, ...changes })).toMatchObject({ code: "CHANGE_UNSUPPORTED", message });
  });
});

test("a reading has the queried interfaces in order, names what is missing, and needs its end", () => {
  const shown = "eth2 plain default\neth1 htb x\neth1 class y\neth3 plain default\n";
  const read = "eth1 htb x\neth1 class y\neth2 plain default\neth9 missing\n";
  expect(selectQueues(`${shown}end\n`, "eth1\neth2\neth9\n")).toBe(read);
  expect(selectQueues("end\n", "")).toBe("");
  expect(selectQueues(shown, "eth1\n")).toBeUndefined();
  expect(selectQueues("", "eth1\n")).toBeUndefined();
});

// Goal: what `tc` and `nft` say becomes one text, and anything of ours that is not whole says so. Method: words as iproute2 6.1 and nftables 1.0.6 print them.
describe("the canonical text", () => {
  const lines = [
    "Q - qdisc noqueue 0: dev lo root refcnt 2 ",
    "Q - qdisc mq 0: dev eth0 root ",
    "Q - qdisc pfifo_fast 0: dev eth0 parent :1 bands 3 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1",
    "Q - qdisc clsact ffff: dev eth0 parent ffff:fff1 ",
    "Q - qdisc noop 0: dev eth9 root refcnt 2 ",
    "Q - qdisc tbf 8001: dev eth3 root refcnt 3 rate 10Mbit burst 32Kb lat 50ms ",
    "Q - qdisc htb c8: dev eth1 root refcnt 3 r2q 10 default 0xfffd direct_packets_stat 7 direct_qlen 1000",
    "Q - qdisc bfifo c801: dev eth1 parent c8:1 limit 45000b",
    "Q - qdisc bfifo c8ff: dev eth1 parent c8:ffff limit 60000b",
    "Q - qdisc bfifo c8fd: dev eth1 parent c8:fffd limit 150000b",
    "C eth1 class htb c8:ffff parent c8:fffe leaf c8ff: prio 2 quantum 7500 rate 6Mbit ceil 9Mbit linklayer ethernet burst 1599b/1 mpu 0b cburst 1600b/1 mpu 0b level 0 ",
    "C eth1 class htb c8:1 parent c8:fffe leaf c801: prio 1 quantum 4166 rate 3333Kbit ceil 10Mbit linklayer ethernet burst 1599b/1 mpu 0b cburst 1600b/1 mpu 0b level 0 ",
    "C eth1 class htb c8:fffd parent c8:fffe leaf c8fd: prio 0 quantum 1514 rate 100Kbit ceil 10Mbit linklayer ethernet burst 1599b/1 mpu 0b cburst 1600b/1 mpu 0b level 0 ",
    "C eth1 class htb c8:fffe root rate 10Mbit ceil 10Mbit linklayer ethernet burst 1599b/1 mpu 0b cburst 1600b/1 mpu 0b level 7 ",
    "F eth1 ",
    "N eth1 table inet pointsman-eth1 {",
    'N eth1 \tcomment "before tbf 8001: rate 10Mbit burst 32Kb lat 50ms"',
    "N eth1 \tchain classes {",
    "N eth1 \t\ttype filter hook postrouting priority 300; policy accept;",
    'N eth1 \t\toifname != "eth1" accept',
    'N eth1 \t\tmeta priority set c8:ffff comment "rate 10000000 control 100000"',
    "N eth1 \t\ticmpv6 type 133-137 meta priority set c8:fffd",
    "N eth1 \t\tip dscp 0x30 meta priority set c8:fffd",
    "N eth1 \t\tip6 dscp 0x30 meta priority set c8:fffd",
    "N eth1 \t\tip dscp 0x38 meta priority set c8:fffd",
    "N eth1 \t\tip6 dscp 0x38 meta priority set c8:fffd",
    'N eth1 \t\tip dscp 0x2e meta priority set c8:1 comment "rate 3333336.5 ceil 10000000 priority 0 marks 15000 to 45000.5"',
    'N eth1 \t\tip6 dscp 0x2e meta priority set c8:1 comment "rate 3333336.5 ceil 10000000 priority 0 marks 15000 to 45000.5"',
    'N eth1 \t\tip dscp 0x08 meta priority set c8:ffff comment "rate 6000000 ceil 9000000 priority 7 marks 20000 to 60000"',
    'N eth1 \t\tip6 dscp 0x08 meta priority set c8:ffff comment "rate 6000000 ceil 9000000 priority 7 marks 20000 to 60000"',
    "N eth1 \t}",
    "N eth1 }",
  ];
  const canonical = (shown: readonly string[], dev: string) =>
    execFileSync("sh", ["-c", `${canonicalScript}\ncanonical`], { input: `${shown.join("\n")}\n`, encoding: "utf8" })
      .split("\n")
      .filter((line) => line.startsWith(`${dev} `));
  const changed = (from: string, to: string) => {
    const shown = lines.map((line) => line.replace(from, to)).filter((line) => line !== "");
    expect(shown).not.toEqual(lines);
    return shown;
  };

  test("has what the kernel chose, the operator's shaper, and ours with exact figures", () => {
    expect(canonical(lines, "eth0")).toEqual(["eth0 plain default"]);
    expect(canonical(lines, "eth3")).toEqual(["eth3 plain tbf 8001: rate 10Mbit burst 32Kb lat 50ms"]);
    expect(canonical(lines, "eth9")).toEqual([]);
    expect(canonical(lines, "eth1")).toEqual([
      "eth1 htb rate 10000000 before tbf 8001: rate 10Mbit burst 32Kb lat 50ms",
      "eth1 control rate 100000 quantum 1514 limit 150000",
      "eth1 class 1 dscp 46 rate 3333336.5 ceil 10000000 prio 1 priority 0 quantum 4166 marks 15000 to 45000.5",
      "eth1 class ffff dscp 8 rate 6000000 ceil 9000000 prio 2 priority 7 quantum 7500 marks 20000 to 60000",
    ]);
  });

  test.each([
    ["a rate", "rate 3333Kbit", "rate 3320Kbit"],
    ["a ceiling", "ceil 9Mbit", "ceil 10Mbit"],
    ["a limit", "limit 45000b", "limit 45001b"],
    ["a leaf of another kind", "bfifo c801:", "pfifo c801:"],
    ["a class too few", lines.find((line) => line.includes("htb c8:ffff")) ?? "", ""],
    [
      "a class too many",
      lines.find((line) => line.startsWith("F ")) ?? "",
      "C eth1 class htb c8:2 parent c8:fffe leaf c802: prio 0 quantum 1514 rate 1Mbit ceil 1Mbit ",
    ],
    ["a parent", "c8:1 parent c8:fffe", "c8:1 parent c8:ffff"],
    ["the root class", "c8:fffe root rate 10Mbit ceil 10Mbit", "c8:fffe root rate 9Mbit ceil 9Mbit"],
    ["a ceiling of control traffic", "quantum 1514 rate 100Kbit ceil 10Mbit", "quantum 1514 rate 100Kbit ceil 1Mbit"],
    ["a rate of control traffic", "rate 100Kbit", "rate 90Kbit"],
    ["a priority of control traffic", "leaf c8fd: prio 0", "leaf c8fd: prio 7"],
    ["no class of control traffic", lines.find((line) => line.includes("htb c8:fffd")) ?? "", ""],
    ["no leaf of control traffic", lines.find((line) => line.includes("bfifo c8fd")) ?? "", ""],
    ["no neighbour discovery", lines.find((line) => line.includes("icmpv6")) ?? "", ""],
    ["no rule for CS7", lines.find((line) => line.includes("ip dscp 0x38")) ?? "", ""],
    ["the default class", "default 0xfffd", "default 0x1"],
    ["a filter", "F eth1 ", "F eth1 filter parent c8: protocol ip pref 49152 u32 chain 0"],
    ["no rule for IPv6", lines.find((line) => line.includes("ip6 dscp 0x2e")) ?? "", ""],
    [
      "a rule for IPv6 of another class",
      "ip6 dscp 0x2e meta priority set c8:1",
      "ip6 dscp 0x2e meta priority set c8:ffff",
    ],
    ["a rule that drops", "N eth1 \t}", "N eth1 \t\tdrop"],
    ["a rule for all interfaces", lines.find((line) => line.includes("oifname")) ?? "", ""],
    ["another hook", "hook postrouting", "hook output"],
    ["no comment", lines.find((line) => line.includes('comment "before')) ?? "", ""],
    ["no table", "pointsman-eth1 {", ""],
  ])("says that %s is not as we would leave it", (_, from, to) => {
    const shown = _ === "no table" ? lines.filter((line) => !line.startsWith("N ")) : changed(from, to);
    const [first, ...others] = canonical(shown, "eth1");
    expect(first).toMatch(/^eth1 partial ./);
    expect(others).toEqual([]);
  });

  test("says that a table without its queues is not whole, and that another root or what is beneath a shaper is not ours", () => {
    expect(
      canonical(changed("qdisc htb c8: dev eth1 root refcnt 3", "qdisc noqueue 0: dev eth1 root refcnt 2"), "eth1"),
    ).toEqual(["eth1 partial table pointsman-eth1 without its queues"]);
    expect(canonical(changed("qdisc noqueue 0: dev lo root", "qdisc htb 1: dev eth5 root"), "eth5")).toEqual([
      "eth5 other htb 1:",
    ]);
    const beneath = [...lines, "Q - qdisc bfifo 9: dev eth3 parent 8001:1 limit 9000b"];
    expect(canonical(beneath, "eth3")).toEqual(["eth3 other bfifo 9: parent 8001:1"]);
  });
});

// Goal: half an answer is no reading, and what `tc` or `nft` said is told.
test.each([
  ["running\neth1 plain default\n", "the output was cut short"],
  [
    "failed\nError: Could not process rule: Operation not permitted\n",
    "Error: Could not process rule: Operation not permitted",
  ],
])("reading %j fails", async (printed, told) => {
  const router = await startScriptedRouter({ onExec: () => printed });
  cleanup.push(router.stop);
  const device = { ...router.device, platform: "linux-htb" } as const;
  const port = linuxHtbDevice({ device, resolveSecret: async () => "sw1tchman", clock: systemClock });
  cleanup.push(() => port.close());
  const message = `edge-a: tc and nft could not be asked: ${told}`;
  expect(await port.read("eth1\n")).toMatchObject({ ok: false, failure: { code: "DEVICE_PROTOCOL", message } });
});
