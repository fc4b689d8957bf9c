import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { formatProblem } from "../../src/config/problem.ts";
import { loadSettings } from "../../src/config/settings.ts";
import { batchText, classNetworkText, classText, qosPolicyText } from "./class-files.ts";
import { edit, folderWith } from "./files.ts";

const good = { network: classNetworkText, chat: classText, batch: batchText, policy: qosPolicyText };

async function load(changes: Partial<typeof good> = {}) {
  const { network, chat, batch, policy } = { ...good, ...changes };
  const classes = `${chat}---\n${batch}`;
  const folder = await folderWith({ "pointsman.yaml": network, "classes.yaml": classes, "p.yaml": policy });
  const loaded = await loadSettings(path.join(folder, "pointsman.yaml"));
  const problems = loaded.ok ? [] : loaded.problems;
  return { loaded, problems: problems.map((problem) => formatProblem(problem).replaceAll(`${folder}/`, "")) };
}

// Goal: a class is read in full, in the units of the model, and joins the inventory's classes.
test("classes, queues and a policy for a class", async () => {
  const { loaded, problems } = await load();
  expect(problems).toEqual([]);
  if (!loaded.ok) throw loaded.failure;
  const { network, policies } = loaded.value;
  expect(network.classes).toEqual([
    { name: "plain", prefers: "remainder" },
    {
      name: "chat",
      prefers: "latency",
      maxDelayMs: 10,
      maxLoss: 0.001,
      service: {
        dscp: 46,
        queue: "interactive",
        color: 100,
        priority: 0,
        floor: 0.1,
        sheds: ["batch"],
        budget: { changes: 4, perMs: 3_600_000 },
        fanOut: 100,
        signals: [
          {
            name: "first-token",
            of: "service",
            unit: "ms",
            source: { histogram: "sum by (le) (first_token_seconds_bucket)" },
          },
          { name: "path-latency", of: "path", unit: "ms", source: { signal: "path.latency.p99" } },
          { name: "drops", of: "path", unit: "rate", source: { signal: "queue.drops" } },
          { name: "waiting", of: "compute", unit: "count", source: { query: "waiting" } },
        ],
        objectives: [
          {
            text: "first-token p95 below 500ms",
            signal: "first-token",
            percentile: 0.95,
            comparator: "below",
            threshold: 500,
            windowMs: 3_600_000,
            burn: { fast: { windowMs: 300_000, limit: 10 }, slow: { windowMs: 1_800_000, limit: 3 } },
            forecastMs: 600_000,
          },
        ],
        conditions: [
          {
            all: [
              { text: "waiting below 64", signal: "waiting", comparator: "below", threshold: { value: 64 } },
              {
                text: "path-latency above 10ms",
                signal: "path-latency",
                comparator: "above",
                threshold: { value: 10 },
              },
            ],
            forMs: 300_000,
          },
          {
            all: [
              {
                text: "first-token above objective",
                signal: "first-token",
                comparator: "above",
                threshold: "objective",
              },
              { text: "drops above baseline", signal: "drops", comparator: "above", threshold: "baseline" },
            ],
            forMs: 60_000,
          },
        ],
      },
    },
    expect.objectContaining({ name: "batch", service: expect.objectContaining({ fanOut: 1, conditions: [] }) }),
  ]);
  expect(network.links.map(({ qos }) => qos)).toEqual([true, true, undefined]);
  expect(network.shedWebhooks).toEqual(["http://127.0.0.1:8080/shed"]);
  expect(network.telemetry.prometheus?.queries.queueDrops).toEqual({
    query: "queue_dropped_bps",
    linkLabel: "link",
    classLabel: "class",
  });
  expect(policies[0]).toMatchObject({
    scope: { class: "chat" },
    trigger: { signal: "class.risk", above: 1.5, clear: 0.5 },
    decide: { action: "qos", target: 0.8, maxInterfaces: 2 },
    verify: {
      require: [
        { signal: "class.stress", threshold: 1.1 },
        { signal: "queue.drops", threshold: 1e6 },
      ],
    },
  });
});

// Goal: a percentile is the decimal number that is written.
test.each([
  ["p95", 0.95],
  ["p99.9", 0.999],
  ["p5", 0.05],
])("%s", async (rank, percentile) => {
  const { loaded, problems } = await load({
    chat: edit(edit(classText, "p95", rank), "burn: 10", "burn: 1.05").replace("burn: 3", "burn: 1"),
  });
  expect(problems).toEqual([]);
  expect(loaded.ok && loaded.value.network.classes[1]?.service?.objectives[0]?.percentile).toBe(percentile);
});

// Goal: the longest that history tells from a baseline, the nearest that can be foretold, and no bound where there is no baseline.
test.each([
  ["for: 1m", "for: 50m"],
  ["for: 5m", "for: 2h"],
  ["forecast: 10m", "forecast: 30s"],
])("%s → %s is allowed", async (from, to) => {
  expect((await load({ chat: edit(classText, from, to) })).problems).toEqual([]);
});

// Goal: a limit that every event being bad would just reach is allowed, whatever binary fractions make of 1 - 0.95.
test("the highest burn limit that can be reached", async () => {
  expect((await load({ chat: edit(classText, "burn: 10", "burn: 20") })).problems).toEqual([]);
});

// Goal: each mistake in a class is told once, where it is, with what to write instead.
test.each<[from: string, to: string, problem: string]>([
  [
    "p95 below 500ms",
    "p100 below 500ms",
    'objectives[0].objective: "p100" is no percentile; write more than p0 and less than p100, for example p95 or p99.9',
  ],
  [
    "p95 below 500ms",
    "p95 below soon",
    'objectives[0].objective: "soon" is not a time, a percentage, a rate or a number; write "first-token p95 below 500ms"',
  ],
  ["p95 below 500ms", "p95 below 50%", "objectives[0].objective: first-token is a time; write for example 500ms"],
  [
    "p95 below 500ms",
    "p95 below 0s",
    "objectives[0].objective: is of zero, of which nothing is a share; write a threshold over zero",
  ],
  [
    "first-token p95",
    "first-tokn p95",
    'objectives[0].objective: there is no signal "first-tokn"; did you mean "first-token"?',
  ],
  [
    "burn: 10 ",
    "burn: 20.1 ",
    "objectives[0].fast.burn: 20.1 is never reached: with p95 the budget goes at most 20 times too fast; write at most 20",
  ],
  [
    "burn: 10 ",
    "burn: 0.5 ",
    "objectives[0].fast.burn: is not a number of at least 1; write how many times too fast the budget may go, for example 10",
  ],
  ["window: 5m", "window: 30m", "objectives[0].fast.window: is not shorter than slow.window; write less than 30m"],
  [
    "window: 30m",
    "window: 2h",
    "objectives[0].slow.window: is longer than the objective's own window; write at most 1h",
  ],
  [
    "window: 1h, fast: { window: 5m, burn: 10 }, slow: { window: 30m",
    "window: 110s, fast: { window: 30s, burn: 10 }, slow: { window: 60s",
    "objectives[0].window: holds fewer than 12 samples at telemetry.interval 10s; write at least 120s",
  ],
  [
    "forecast: 10m",
    "forecast: 29s",
    "objectives[0].forecast: looks ahead less than 3 intervals, of telemetry.interval 10s: a breach has come before it is foretold; write at least 30s",
  ],
  [
    "for: 1m",
    "for: 51m",
    "conditions[1].for: is longer than a baseline lasts: it is made from one hour, and from what was before the condition held; write at most 50m",
  ],
  [
    "window: 5m",
    "window: 29s",
    "objectives[0].fast.window: holds fewer than 3 samples at telemetry.interval 10s; write at least 30s",
  ],
  [
    'histogram: "sum by (le) (first_token_seconds_bucket)"',
    "query: x, signal: path.latency.p99",
    "signals[0]: must have one source; write one of query, histogram and signal",
  ],
  [
    "unit: ms, histogram",
    "unit: rate, histogram",
    "signals[0].unit: is not of a histogram, whose buckets are times, shares or numbers; write ms, ratio or count",
  ],
  [
    "sum by (le) (first_token_seconds_bucket)",
    "sum by (le) (rate(first_token_seconds_bucket[1m]))",
    "signals[0].histogram: has rate(), and is of counters: what they rise by is worked out from one answer to the next; write the buckets alone, for example x_seconds_bucket",
  ],
  [
    "signal: queue.drops",
    "signal: link.rate.out",
    "signals[2].signal: link.rate.out is no signal of a flow or a queue; write one of flow.rate, path.latency.p99, queue.rate, queue.drops, queue.depth",
  ],
  [
    "signal: queue.drops",
    "signal: path.shared",
    "signals[2].signal: path.shared is not measured; write one of flow.rate, path.latency.p99, queue.rate, queue.drops, queue.depth",
  ],
  ["signal: queue.drops", "signal: queue.depth", "signals[2].unit: is not what queue.depth is in; write count"],
  [
    "name: drops",
    "name: waiting",
    'signals[3].name: "waiting" is already the name of signals[2]; give each a name of its own',
  ],
  [
    "path-latency above 10ms",
    "path-latency above 10%",
    "conditions[0].all[1]: path-latency is a time; write for example 500ms",
  ],
  [
    "path-latency above 10ms",
    "path-latncy above 10ms",
    'conditions[0].all[1]: there is no signal "path-latncy"; did you mean "path-latency"?',
  ],
  [
    "drops above baseline",
    "drops above objective",
    'conditions[1].all[1]: there is no objective on "drops"; add one under spec.objectives, or write a level or baseline',
  ],
  [
    "first-token above objective",
    "first-token below objective",
    'conditions[1].all[0]: holds while all is well: that is the objective\'s good side; write "first-token above objective"',
  ],
  ["sheds: [batch]", "sheds: [chat]", "sheds[0]: is the class itself; name classes that are served after it"],
  ["sheds: [batch]", "sheds: [batch, batch]", 'sheds[1]: "batch" is listed twice; remove one of the two'],
  ["sheds: [batch]", "sheds: [bach]", 'sheds[0]: there is no class "bach" with a queue; did you mean "batch"?'],
  [
    "priority: 0",
    "priority: 7",
    'sheds[0]: "batch" has priority 7, and this class 7: it is not served after it; give "batch" a priority over 7, or take it off the list',
  ],
  [
    "dscp: 46",
    "dscp: 64",
    "dscp: 64 is not a whole number from 0 to 63; write a whole number from 0 to 63, for example 46",
  ],
])("%s → %s", async (from, to, problem) => {
  const { problems } = await load({ chat: edit(classText, from, to) });
  const told = problems.map((one) => one.replace(/^classes\.yaml:\d+:\d+ spec\./, ""));
  expect(told.filter((one) => one.startsWith(problem.split(":")[0] ?? ""))).toEqual([problem]);
});

// Goal: what classes need of each other and of the inventory, at the line where it is mended.
test.each<[of: keyof typeof good, from: string, to: string, problem: string]>([
  [
    "batch",
    "dscp: 8",
    "dscp: 46",
    'classes.yaml:30:3 spec.dscp: 46 is already that of class "chat", and two classes with one DSCP cannot be told apart; give each class a dscp of its own',
  ],
  [
    "batch",
    "dscp: 8",
    "dscp: 48",
    "classes.yaml:30:3 spec.dscp: 48 is of the network's own control traffic, which has a queue of its own; give the class another",
  ],
  [
    "batch",
    "queue: batch",
    "queue: interactive",
    'classes.yaml:31:3 spec.queue: interactive is already that of class "chat", and two classes in one queue wait for each other; give each class a queue of its own',
  ],
  [
    "batch",
    "floor: 5%",
    "floor: 90.5%",
    "classes.yaml:33:3 spec.floor: brings the floors of all classes to 100.5%, over the whole interface; lower this floor or another class's",
  ],
  [
    "batch",
    "name: batch",
    "name: plain",
    'classes.yaml:27:13 metadata.name: "plain" is already the class at pointsman.yaml:39; remove one of the two',
  ],
  [
    "batch",
    "name: batch",
    "name: chat",
    'classes.yaml:27:13 metadata.name: "chat" is already the class at classes.yaml:3; give it a name of its own',
  ],
  [
    "network",
    "class: chat,",
    "class: plain,",
    'classes.yaml:16:49 spec.signals[1].signal: class "chat" has no flows to measure path.latency.p99 of; add one to the inventory\'s flows',
  ],
  [
    "network",
    "      flowLatency: { query: flow_p99_seconds, flowLabel: flow }\n",
    "",
    "classes.yaml:16:49 spec.signals[1].signal: nothing measures path.latency.p99; add the flowLatency query to the inventory's telemetry.prometheus",
  ],
  [
    "network",
    "class: chat,",
    "class: chatt,",
    'pointsman.yaml:41:21 flows[0].class: there is no class "chatt"; did you mean "chat"?',
  ],
  [
    "network",
    "      queueDrops: { query: queue_dropped_bps, linkLabel: link, classLabel: class }\n",
    "",
    'pointsman.yaml:46:5 telemetry.prometheus.queries: has no queueDrops, and policy "chat-first" needs queue.drops on east-west, without gnmi; add the queueDrops query, or gnmi to the device',
  ],
  [
    "network",
    "      queueDepth: { query: queue_bytes, linkLabel: link, classLabel: class }\n",
    "",
    'has no queueDepth, and policy "chat-first" needs queue.depth on east-west, without gnmi; add the queueDepth query',
  ],
  [
    "network",
    "      linkOutbound: { query: link_out, linkLabel: link }\n",
    "",
    'has no linkOutbound, and policy "chat-first" needs link.rate.out on east-west, without gnmi; add the linkOutbound query',
  ],
  [
    "network",
    "    role: transit\n    capacity: 10 Gbit/s",
    "    role: transit\n    capacity: 10 Gbit/s\n    qos: true",
    "pointsman.yaml:37:5 links[2].qos: is on a router of platform frr, whose queues Pointsman cannot set; remove it",
  ],
  [
    "network",
    "queueRate: { query: queue_bps, linkLabel: link, classLabel: class }",
    "queueRate: { query: queue_bps, linkLabel: link }",
    "pointsman.yaml:49:7 telemetry.prometheus.queries.queueRate.classLabel: is missing; add classLabel: class",
  ],
  [
    "network",
    "[http://127.0.0.1:8080/shed]",
    "['http://me:hunter2@127.0.0.1/']",
    "pointsman.yaml:53:16 shedWebhooks[0]: is not an http or https URL without credentials; write for example http://127.0.0.1:8080/shed",
  ],
  [
    "network",
    "headend: west, endpoint: east",
    "headend: east, endpoint: west",
    "pointsman.yaml:41:34 flows[0].headend: east is a linux-htb router, which Pointsman cannot steer flows on; name an openconfig or linux-srv6 router",
  ],
  [
    "policy",
    "{ class: chat }",
    "{ class: caht }",
    'p.yaml:6:12 spec.scope.class: there is no class "caht"; did you mean "chat"?',
  ],
  [
    "policy",
    "{ class: chat }",
    "{ class: plain }",
    'p.yaml:6:12 spec.scope.class: "plain" only says what its paths are to be like; write it as a TrafficClass document, with objectives',
  ],
  [
    "policy",
    "{ class: chat }",
    "{ class: batch }",
    'p.yaml:6:12 spec.scope.class: "batch" has no objectives to be at risk of; add one to the class',
  ],
  [
    "policy",
    "{ class: chat }",
    "{ flows: { class: chat } }",
    "p.yaml:6:3 spec.scope: is not of a class, and qos sets the queues that a class stands in; write class: <name>",
  ],
  [
    "policy",
    "{ action: qos, target: 80%, maxInterfaces: 2 }",
    "{ action: segment-routing, target: 80%, maxSegments: 2 }",
    "p.yaml:6:3 spec.scope: is not of links, flows or a drain, and segment-routing moves flows; write links: { role: backbone }, or action: qos for a class, anycast-drain for sites",
  ],
  [
    "policy",
    "signal: class.risk, above: 150%, clear: 50%",
    "signal: link.utilisation.out, above: 80%, clear: 50%",
    "p.yaml:7:14 spec.trigger.signal: link.utilisation.out is a signal of links, and the scope is of classes; watch class.risk",
  ],
  [
    "policy",
    "queue.drops below 1 Mbit/s",
    "queue.depth below 1 Mbit/s",
    "p.yaml:11:64 spec.verify.require[1]: queue.depth is no threshold; write queue.drops",
  ],
])("%s: %s → %s", async (of, from, to, problem) => {
  expect((await load({ [of]: edit(good[of], from, to) })).problems.join("\n")).toContain(problem);
});

// Goal: what only a class has is no signal of links: there it would never be measured, and never hold.
test("a policy of links verifies no class", async () => {
  const links = edit(qosPolicyText, "{ class: chat }", "{ links: { role: backbone } }");
  const { problems } = await load({ policy: links });
  expect(problems.join("\n")).toContain(
    "p.yaml:11:37 spec.verify.require[0]: class.stress is of classes, and the scope is of links; verify a signal of links or flows",
  );
  expect(problems.join("\n")).toContain(
    "p.yaml:7:14 spec.trigger.signal: class.risk is a signal of classes, and the scope is of links; watch link.utilisation.out",
  );
});

// Goal: a verdict must not be asked for before a class can be known anew. Method: 40 s hold a short window of 3 samples and one more.
test("a qos policy that observes too shortly", async () => {
  const observing = (time: string) => load({ policy: qosPolicyText.replace("observe: 60s", `observe: ${time}`) });
  expect((await observing("40s")).problems.join("\n")).not.toContain("is known anew");
  expect((await observing("39s")).problems.join("\n")).toContain(
    'spec.verify.observe: ends before "first-token p95 below 500ms" of class "chat" is known anew: its short window and one sample are 40s; write at least 40s',
  );
});

// Goal: no link for queues, and no Prometheus.
test("a qos policy without anything to set or read", async () => {
  const closed = await load({ network: classNetworkText.replaceAll("    qos: true\n", "") });
  expect(closed.problems.join("\n")).toContain(
    'pointsman.yaml:17:1 links: policy "chat-first" sets queues, and no link allows it; add qos: true to links of openconfig or linux-htb routers',
  );
  const silent = await load({ network: classNetworkText.replace(/ {2}prometheus:[\s\S]*?(?=shedWebhooks)/, "") });
  expect(silent.problems.join("\n")).toContain(
    'pointsman.yaml:42:1 telemetry: has no queueRate, and policy "chat-first" needs queue.rate on east-west, without gnmi; add the queueRate query, or gnmi to the device',
  );
  expect(silent.problems.join("\n")).toContain(
    "classes.yaml:15:51 spec.signals[0].histogram: has nobody to ask: the inventory has no telemetry.prometheus; add telemetry.prometheus to the inventory",
  );
});

// Goal: every class and the class policy that come with Pointsman can be used as they are, together.
test("the shipped classes and their policy", async () => {
  const shipped = path.join(import.meta.dirname, "../../policies");
  const names = await readdir(path.join(shipped, "classes"));
  const flows = names.map(
    (name, index) =>
      `  - { name: flow-${index}, class: ${name.replace(".yaml", "")}, headend: west, endpoint: east, color: ${20 + index} }\n`,
  );
  const network = edit(
    edit(
      classNetworkText,
      "  - { name: chat-1, class: chat, headend: west, endpoint: east, color: 10 }\n",
      flows.join(""),
    ),
    "[classes.yaml, p.yaml]",
    "[classes, class-inference-interactive.yaml]",
  );
  const files = await Promise.all(
    [...names.map((name) => `classes/${name}`), "class-inference-interactive.yaml"].map(
      async (name) => [name, await readFile(path.join(shipped, name), "utf8")] as const,
    ),
  );
  const folder = await folderWith({ "pointsman.yaml": network, ...Object.fromEntries(files) });
  const loaded = await loadSettings(path.join(folder, "pointsman.yaml"));
  if (!loaded.ok) throw loaded.failure;
  expect(loaded.value.network.classes.map(({ name }) => name)).toEqual([
    ...["plain", "agentic", "batch", "inference-interactive", "inference-standard", "training"],
  ]);
  expect(loaded.value.policies.map(({ name }) => name)).toEqual(["class-inference-interactive"]);
  const asks = loaded.value.network.classes.map(({ name, service }) => [
    name,
    service?.objectives.map(({ text }) => text),
  ]);
  expect(Object.fromEntries(asks)).toEqual({
    plain: undefined,
    agentic: ["chain-completion p95 below 8s", "retrieval-fallback p90 below 20%", "path-latency p99 below 15ms"],
    batch: [],
    "inference-interactive": [
      ...["first-token p95 below 500ms", "path-latency p99 below 10ms", "jitter p95 below 5ms"],
      "stream-interruptions p95 below 0.1%",
    ],
    "inference-standard": ["first-token p95 below 2s"],
    training: [
      ...["gpu-utilisation p90 above 70%", "bus-bandwidth p90 above 200 Gbit/s", "job-completion p95 below 2s"],
      "drops p99 below 1 kbit/s",
    ],
  });
});
