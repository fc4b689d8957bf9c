import { base } from "./netconf-fixture.ts";

export const qosNamespace = "http://openconfig.net/yang/qos";

const entry = (name: string, inside: string, key = "name") =>
  `<${key}>${name}</${key}><config><${key}>${name}</${key}>${inside}</config>`;

export const queueXml = (name: string) => `<queue>${entry(name, "")}</queue>`;
export const groupXml = (name: string, queue: string) =>
  `<forwarding-group>${entry(name, `<output-queue>${queue}</output-queue>`)}</forwarding-group>`;
export const profileXml = (name: string, minBytes: number, maxBytes: number, ecn = true) =>
  `<queue-management-profile>${entry(name, "")}<wred><uniform><config><min-threshold>${minBytes}</min-threshold><max-threshold>${maxBytes}</max-threshold><enable-ecn>${ecn}</enable-ecn></config></uniform></wred></queue-management-profile>`;

type Term = Readonly<{ id: string; dscp: number | string; group: string }>;
export const classifierXml = (name: string, header: "ipv4" | "ipv6", terms: readonly Term[]) =>
  `<classifier>${entry(name, `<type>${header.toUpperCase()}</type>`)}<terms>${terms
    .map(
      ({ id, dscp, group }) =>
        `<term>${entry(id, "", "id")}<conditions><${header}><config><dscp>${dscp}</dscp></config></${header}></conditions><actions><config><target-group>${group}</target-group></config></actions></term>`,
    )
    .join("")}</terms></classifier>`;

type Scheduler = Readonly<{ sequence: number; queue: string; rates?: string }>;
export const policyXml = (name: string, schedulers: readonly Scheduler[]) =>
  `<scheduler-policy>${entry(name, "")}<schedulers>${schedulers
    .map(
      ({ sequence, queue, rates = "" }) =>
        `<scheduler>${entry(String(sequence), "", "sequence")}<inputs><input>${entry(queue, `<input-type>QUEUE</input-type><queue>${queue}</queue>`, "id")}</input></inputs>${rates && `<two-rate-three-color><config>${rates}</config></two-rate-three-color>`}</scheduler>`,
    )
    .join("")}</schedulers></scheduler-policy>`;

export const outputXml = (interfaceName: string, inside: string) =>
  `<interface>${entry(interfaceName, "", "interface-id")}<output>${inside}</output></interface>`;
export const boundClassifier = (name: string, type: string) =>
  `<classifier><type>${type}</type><config><name>${name}</name><type>${type}</type></config></classifier>`;
export const boundQueue = (name: string, profile: string) =>
  `<queue>${entry(name, `<queue-management-profile>${profile}</queue-management-profile>`)}</queue>`;
export const boundPolicy = (name: string) =>
  `<scheduler-policy><config><name>${name}</name></config></scheduler-policy>`;

/** An edit of what stands inside `<qos>`, by container, in the order of the schema. */
export function qosEdit(parts: Readonly<{ [container: string]: string }>): string {
  const order = [
    "interfaces",
    "classifiers",
    "forwarding-groups",
    "queues",
    "scheduler-policies",
    "queue-management-profiles",
  ];
  const inside = order.map((name) => (parts[name] === undefined ? "" : `<${name}>${parts[name]}</${name}>`)).join("");
  return `<qos xmlns="${qosNamespace}" xmlns:nc="${base}">${inside}</qos>`;
}

/** Two queues on eth1, as the server writes it but for the prefix `nc`. */
export const twoQueues = {
  interfaces: outputXml(
    "eth1",
    `<classifiers>${boundClassifier("c4", "IPV4")}${boundClassifier("c6", "IPV6")}</classifiers><queues>${boundQueue("fast", "p")}</queues>${boundPolicy("s")}`,
  ),
  classifiers:
    classifierXml("c4", "ipv4", [
      { id: "bulk", dscp: 8, group: "slow" },
      { id: "chat", dscp: 46, group: "fast" },
    ]) + classifierXml("c6", "ipv6", [{ id: "chat", dscp: 46, group: "fast" }]),
  "forwarding-groups": groupXml("fast", "fast") + groupXml("slow", "slow"),
  queues: queueXml("fast") + queueXml("slow"),
  "scheduler-policies": policyXml("s", [
    { sequence: 2, queue: "fast", rates: "<cir>400000000</cir><pir>1000000000</pir>" },
    { sequence: 10, queue: "slow", rates: "<cir>50000000</cir><pir>200000000</pir>" },
  ]),
  "queue-management-profiles": profileXml("p", 30_000, 300_000),
} as const;
