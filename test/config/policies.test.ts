import path from "node:path";
import { expect, test } from "vitest";
import { loadPolicies } from "../../src/config/policies.ts";
import { formatProblem } from "../../src/config/problem.ts";
import { edit, folderWith, policyText } from "./files.ts";

/** The problems of these files, as people read them, without the folder. */
async function problemsOf(files: Record<string, string>, paths = Object.keys(files)): Promise<string[]> {
  const folder = await folderWith(files);
  const { problems } = await loadPolicies(paths.map((name) => path.join(folder, name)));
  return problems.map((problem) => formatProblem(problem).replaceAll(`${folder}/`, ""));
}

// Goal: the policy that the documentation shows is read in full, in the units of the model.
test("a policy is read", async () => {
  const { policies, problems } = await loadPolicies([
    path.join(import.meta.dirname, "../../policies/transit-congestion.yaml"),
  ]);
  expect(problems).toEqual([]);
  expect(policies).toEqual([
    {
      name: "transit-congestion",
      description: "Move inbound prefixes off a transit link before it drops traffic.",
      mode: "propose",
      scope: { links: { role: "transit" } },
      trigger: {
        signal: "link.utilisation.in",
        above: 0.85,
        clear: 0.65,
        for: { count: 3, of: 5 },
        everyMs: 10_000,
      },
      decide: { action: "bgp-prepend", objective: "cost", maxPrepends: 3, target: 0.75 },
      guard: {
        maxDevices: 2,
        maxTrafficMoved: 0.3,
        freshnessIntervals: 3,
        coverage: 0.9,
        surviveAnyLinkFailure: true,
      },
      approve: { people: 1, expiresMs: 900_000 },
      verify: {
        observeMs: 60_000,
        require: [
          {
            text: "link.utilisation.in below 85%",
            signal: "link.utilisation.in",
            comparator: "below",
            threshold: 0.85,
          },
        ],
        forbid: [],
      },
      holdMs: 600_000,
    },
  ]);
});

// Goal: every policy that comes with Pointsman can be used as it is.
test("the shipped policies are read", async () => {
  const { policies, problems } = await loadPolicies([path.join(import.meta.dirname, "../../policies")]);
  expect(problems).toEqual([]);
  expect(policies.map(({ name, decide, scope }) => [name, decide.action, Object.keys(scope)])).toEqual([
    ["anycast-drain", "anycast-drain", ["anycast"]],
    ["backbone-congestion", "segment-routing", ["links"]],
    ["class-inference-interactive", "qos", ["class"]],
    ["class-isolation", "segment-routing", ["flows"]],
    ["inference-latency", "segment-routing", ["flows"]],
    ["maintenance-drain", "segment-routing", ["drain"]],
    ["transit-congestion", "bgp-prepend", ["links"]],
  ]);
});

// Goal: a policy on rates is read in bit/s, conditions included.
test("a policy on rates is read", async () => {
  const text = edit(
    edit(policyText, "link.utilisation.in\n    above: 85%", "link.rate.in\n    above: 850 Mbit/s"),
    "clear: 65%",
    "clear: 650 Mbit/s",
  );
  const folder = await folderWith({
    "p.yaml": edit(text, 'below 85%"]', 'below 85%"], forbid: ["link.rate.out above 1.5 Gbit/s"]'),
  });
  const { policies, problems } = await loadPolicies([folder]);
  expect(problems).toEqual([]);
  expect(policies[0]?.trigger).toMatchObject({ above: 850e6, clear: 650e6 });
  expect(policies[0]?.verify.forbid).toEqual([
    { text: "link.rate.out above 1.5 Gbit/s", signal: "link.rate.out", comparator: "above", threshold: 1.5e9 },
  ]);
});

// Goal: each mistake is told once, with its line, its field and what to write instead.
test.each<[from: string, to: string, problem: string]>([
  ["mode: propose", "mode: propse", '5:3 spec.mode: "propse" is not known; did you mean "propose"?'],
  ["mode: propose", "moed: propose", '5:3 spec.moed: is not a known field; did you mean "mode"?'],
  ["mode: propose", "mode: 5", "5:3 spec.mode: 5 is not one of observe, propose, auto; write one of them"],
  [
    "mode: propose",
    "mode: propose\n  colour: red",
    "6:3 spec.colour: is not a known field; known here: mode, scope, trigger, decide, guard, approve, verify, autonomy, hold",
  ],
  [
    "signal: link.utilisation.in",
    "signal: temperature",
    '8:5 spec.trigger.signal: "temperature" is not known; known here: link.utilisation.in, link.utilisation.out, link.rate.in, link.rate.out, flow.rate, path.latency.p99, path.shared, queue.rate, queue.drops, queue.depth, class.risk, class.stress, site.unwell',
  ],
  [
    "signal: link.utilisation.in",
    "signal: link.utilisation.out",
    "8:5 spec.trigger.signal: bgp-prepend moves inbound traffic only; watch link.utilisation.in",
  ],
  [
    "above: 85%",
    "above: 0.85",
    "9:5 spec.trigger.above: 0.85 is not a percentage, a rate or a time; write a percentage, a rate or a time, for example 85%",
  ],
  [
    "above: 85%",
    "above: 85",
    "9:5 spec.trigger.above: 85 is not a percentage, a rate or a time; write a percentage, a rate or a time, for example 85%",
  ],
  [
    "above: 85%",
    "above: 185%",
    "9:5 spec.trigger.above: is over 100%, which no link can carry; write a share of the link's capacity, at most 100%",
  ],
  [
    "above: 85%",
    "above: 850 Mbit/s",
    "9:5 spec.trigger.above: link.utilisation.in is a share; write a percentage, for example 85%",
  ],
  [
    "clear: 65%",
    "clear: 85%",
    "10:5 spec.trigger.clear: is not below spec.trigger.above; write a lower value, so that a breach has an end",
  ],
  [
    "for: 3 of 5",
    "for: 6 of 5",
    "11:5 spec.trigger.for: 6 of 5 can never be, or always is; write M of N with 1 <= M <= N <= 1000, for example 3 of 5",
  ],
  [
    "for: 3 of 5",
    "for: 0 of 5",
    "11:5 spec.trigger.for: 0 of 5 can never be, or always is; write M of N with 1 <= M <= N <= 1000, for example 3 of 5",
  ],
  [
    "for: 3 of 5",
    "for: 3/5",
    '11:5 spec.trigger.for: "3/5" is not M of N evaluations; write M of N evaluations, for example 3 of 5',
  ],
  [
    "every: 10s",
    "every: 10",
    "12:5 spec.trigger.every: 10 is not a duration with its unit (ms, s, m, h, d); write a duration with its unit (ms, s, m, h, d), for example 10s",
  ],
  [
    "every: 10s",
    "every: 0s",
    "12:5 spec.trigger.every: no time at all; write a duration longer than zero, for example 10s",
  ],
  ["hold: 10m", "hold: 25d", "17:3 spec.hold: is too long; write at most 24d"],
  [
    "maxPrepends: 3",
    "maxPrepends: 11",
    "13:51 spec.decide.maxPrepends: 11 is not a whole number from 1 to 10; write a whole number from 1 to 10, for example 3",
  ],
  [
    "target: 75%",
    "target: 120%",
    "13:67 spec.decide.target: 120% is over 100%; write a share of the whole, at most 100%",
  ],
  [
    "target: 75%",
    "target: 86%",
    "13:67 spec.decide.target: is over spec.trigger.above: the change itself would be a breach; write at most 85%",
  ],
  ["target: 75%", "target: 0%", "13:67 spec.decide.target: 0% leaves nothing; write more than 0%, for example 75%"],
  [
    "freshness: 3 intervals",
    "freshness: 30s",
    '14:49 spec.guard.freshness: "30s" is not a number of telemetry intervals; write a number of telemetry intervals, for example 3 intervals',
  ],
  [
    "surviveAnyLinkFailure: true",
    "surviveAnyLinkFailure: yes",
    '14:88 spec.guard.surviveAnyLinkFailure: "yes" is not true or false; write true or false, for example true',
  ],
  [
    "  approve: { people: 1, expires: 15m }\n",
    "",
    "4:1 spec.approve: is missing; add this section, with people, expires, notAuthor, deletions",
  ],
  ["people: 1, ", "", "15:3 spec.approve.people: is missing; add people: 1"],
  [
    "expires: 15m }",
    "expires: 15m, notAuthor: true }",
    "15:39 spec.approve.notAuthor: keeps nobody out: metadata.author is missing; add metadata.author, or leave it out",
  ],
  [
    "expires: 15m }",
    "expires: 15m, deletions: one }",
    '15:39 spec.approve.deletions: "one" is not known; known here: two-people, like-any-change',
  ],
  [
    "below 85%",
    "under 85%",
    '16:37 spec.verify.require[0]: "link.utilisation.in under 85%" is not a condition; write a condition, for example "link.utilisation.in below 85%"',
  ],
  [
    "link.utilisation.in below",
    "link.utilization.in below",
    '16:37 spec.verify.require[0]: "link.utilization.in" is not a known signal; did you mean "link.utilisation.in"?',
  ],
  ["below 85%", "below 101%", "16:37 spec.verify.require[0]: 101% is over 100%; write at most 100%"],
  [
    "below 85%",
    "below 1 Gbit/s",
    "16:37 spec.verify.require[0]: link.utilisation.in is a share; write a percentage, for example 85%",
  ],
  [
    '["link.utilisation.in below 85%"]',
    "[]",
    '16:27 spec.verify.require: is empty: nothing would be verified; require for example "link.utilisation.in below 85%"',
  ],
  [
    "kind: Policy",
    "kind: Network",
    '2:1 kind: "Network" is not read here; only documents of kind: Policy or TrafficClass belong here',
  ],
  ["kind: Policy", "kind: Polcy", '2:1 kind: "Polcy" is not known; did you mean "Policy"?'],
  [
    "pointsman/v1",
    "pointsman/v2",
    "1:1 apiVersion: pointsman/v2 is not known to this release; write it for apiVersion: pointsman/v1, or run the release that reads that version",
  ],
  ["  mode: propose\n", "  mode: propose\n  mode: auto\n", '6:3 "mode" is written twice; keep one of the two'],
  [
    "name: transit-congestion",
    'name: "no spaces"',
    '3:13 metadata.name: "no spaces" is not a name of letters, digits, dot, colon, dash and underscore; write a name of letters, digits, dot, colon, dash and underscore, for example transit-congestion',
  ],
])("%s → %s", async (from, to, problem) => {
  expect(await problemsOf({ "p.yaml": edit(policyText, from, to) })).toEqual([`p.yaml:${problem}`]);
});

// Goal: all problems of all files at once, in the order of the text; a file without one is still read.
test("everything at once", async () => {
  const bad = edit(
    edit(edit(policyText, "mode: propose", "mode: x"), "clear: 65%", "clear: 95%"),
    "hold: 10m",
    "hold: long",
  );
  const folder = await folderWith({ "a.yaml": bad, "b.yml": policyText, "notes.txt": "not: a policy" });
  const { policies, problems } = await loadPolicies([folder]);
  expect(problems.map(({ file, line, field }) => [path.basename(file), line, field])).toEqual([
    ["a.yaml", 5, "spec.mode"],
    ["a.yaml", 10, "spec.trigger.clear"],
    ["a.yaml", 17, "spec.hold"],
    ["b.yml", 3, "metadata.name"],
  ]);
  expect(policies).toEqual([]);
});

// Goal: several documents in one file, each with its own lines; a name is taken once, wherever the other one is.
test("several documents, and names that are taken", async () => {
  const second = edit(policyText, "name: transit-congestion", "name: peering");
  const folder = await folderWith({ "a.yaml": `${policyText}---\n${second}` });
  expect((await loadPolicies([folder])).policies.map(({ name }) => name)).toEqual(["transit-congestion", "peering"]);
  expect(await problemsOf({ "a.yaml": policyText, "b.yaml": `${second}---\n${policyText}` })).toEqual([
    'b.yaml:21:13 metadata.name: "transit-congestion" is already the policy at a.yaml:3; give it a name of its own',
  ]);
});

// Goal: what is not YAML, not there, or nothing, is told with its place, and nothing is guessed from the rest.
test.each([
  ["tab", "a:\n\tb: 1\n", "p.yaml:2:1 not valid YAML: Tabs are not allowed as indentation; indent with spaces"],
  ["quote", 'a: "open\n', 'p.yaml:2:1 not valid YAML: Missing closing "quote; close the quote or bracket'],
  ["tag", "a: !secret x\n", "p.yaml:1:4 not valid YAML: Unresolved tag; take the tag away; plain YAML is enough here"],
  ["empty", "\n", "p.yaml: is empty; write a Policy in it, or remove it"],
  ["comment", "# later\n", "p.yaml: is empty; write a Policy in it, or remove it"],
  ["empty document", `${policyText}---\n`, 'p.yaml:18:4 an empty document; remove the "---" that opens it'],
  [
    "text",
    "just words\n",
    'p.yaml:1:1 "just words" is not a section; give it the fields apiVersion, kind, metadata, spec',
  ],
])("a file with a %s", async (_what, text, problem) => {
  expect(await problemsOf({ "p.yaml": text })).toEqual([problem]);
});

test("a path that leads nowhere", async () => {
  expect(await problemsOf({ "empty/readme.md": "" }, ["none.yaml", "empty"])).toEqual([
    "none.yaml: there is no such file or folder; create it, or correct the path where it is written",
    "empty: the folder holds no .yaml or .yml file; put a policy in it, or take it off the list",
  ]);
});

// Goal: a file that would expand without end is refused, not expanded.
test("aliases that multiply", async () => {
  const layers = ["a: &a [x, x, x, x, x, x, x, x, x]"];
  for (const [from, to] of ["ab", "bc", "cd", "de", "ef"])
    layers.push(`${to}: &${to} [${Array(9).fill(`*${from}`).join(", ")}]`);
  expect(await problemsOf({ "p.yaml": layers.join("\n") })).toEqual([
    "p.yaml:1:1 its aliases expand without end; write the values out",
  ]);
});

// Goal: a file that is listed and also in a listed folder is one policy.
test("listed twice, read once", async () => {
  const folder = await folderWith({ "p.yaml": policyText });
  const { policies, problems } = await loadPolicies([path.join(folder, "p.yaml"), folder]);
  expect([policies.length, problems]).toEqual([1, []]);
});
