import { expect, test } from "vitest";
import { parseXml } from "../../src/kernel/xml.ts";
import { interfaceQueues } from "../../src/lab/qos-config.ts";
import {
  boundClassifier,
  boundPolicy,
  classifierXml,
  groupXml,
  outputXml,
  policyXml,
  profileXml,
  qosEdit,
  twoQueues,
} from "./qos-fixture.ts";

const queuesOf = (parts: Readonly<{ [container: string]: string }>) =>
  Object.fromEntries(interfaceQueues(parseXml(`<data>${qosEdit(parts)}</data>`)));

const fast = { queue: "fast", dscps: [46], sequence: 2, cir: 4e8, pir: 1e9, ecnMinBytes: 30_000, maxBytes: 300_000 };
const slow = { queue: "slow", dscps: [8], sequence: 10, cir: 5e7, pir: 2e8 };

// Goal: what the traffic model goes by is what the configuration says, read apart from how Pointsman writes it.
test("queues by interface", () => {
  expect(queuesOf(twoQueues)).toEqual({ eth1: [fast, slow] });
  expect(queuesOf({})).toEqual({});
});

test("by sequence, wherever they stand", () => {
  const turned = policyXml("s", [
    { sequence: 10, queue: "slow", rates: "<cir>50000000</cir><pir>200000000</pir>" },
    { sequence: 2, queue: "fast", rates: "<cir>400000000</cir><pir>1000000000</pir>" },
  ]);
  expect(queuesOf({ ...twoQueues, "scheduler-policies": turned })).toEqual({ eth1: [fast, slow] });
});

test("what is not configured is not made up", () => {
  const bare = {
    ...twoQueues,
    interfaces: outputXml("eth1", boundPolicy("s")) + outputXml("eth2", ""),
    "scheduler-policies": policyXml("s", [{ sequence: 1, queue: "fast" }]),
  };
  expect(queuesOf(bare)).toEqual({
    eth1: [{ queue: "fast", dscps: [], sequence: 1, cir: 0, pir: Number.POSITIVE_INFINITY }],
  });
});

test("without ECN there is a limit and no marks", () => {
  const dropping = { ...twoQueues, "queue-management-profiles": profileXml("p", 30_000, 300_000, false) };
  const { ecnMinBytes: _, ...rest } = fast;
  expect(queuesOf(dropping)).toEqual({ eth1: [rest, slow] });
});

test("two DSCPs over two groups to one queue, by the classifiers of this interface", () => {
  const shared = {
    ...twoQueues,
    interfaces:
      twoQueues.interfaces +
      outputXml("eth2", `<classifiers>${boundClassifier("c4", "IPV4")}</classifiers>${boundPolicy("s")}`),
    classifiers:
      classifierXml("c4", "ipv4", [{ id: "bulk", dscp: 8, group: "slow" }]) +
      classifierXml("c6", "ipv6", [
        { id: "chat", dscp: 46, group: "fast" },
        { id: "tools", dscp: 34, group: "tools" },
      ]),
    "forwarding-groups": `${twoQueues["forwarding-groups"]}${groupXml("tools", "fast")}`,
  };
  const { ecnMinBytes: _, maxBytes: __, ...unmanaged } = fast;
  expect(queuesOf(shared)).toEqual({
    eth1: [{ ...fast, dscps: [34, 46] }, slow],
    eth2: [{ ...unmanaged, dscps: [] }, slow],
  });
});
