import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answerWhatIf, type WhatIfQuestion } from "../../src/app/te-whatif.ts";
import { Pointsman } from "../cli/process.ts";

// Goal: `te whatif` keeps its contract: the JSON document, and exit 2 with what, where and the mend.
// Method: a ring of four nodes, both ways, one of them with a tail; figures by hand.

const edges = [
  [0, 1, 1],
  [1, 0, 1],
  [1, 2, 1],
  [2, 1, 1],
  [2, 3, 1],
  [3, 2, 1],
  [3, 0, 2],
  [0, 3, 2],
  [2, 4, 1],
] as const;
const graph = `NODES 5
label x y
a 0 0
b 0 0
c 0 0
d 0 0
tail 0 0

EDGES ${edges.length}
label src dest weight bw delay
${edges.map(([from, to, weight], at) => `edge_${at} ${from} ${to} ${weight} 1000 1`).join("\n")}
`;
const demands = `DEMANDS 4
label src dest bw
d0 0 2 800
d1 1 1 5
d2 0 3 400
d3 1 4 100
`;

let folder: string;
const path = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pointsman-whatif-"));
  await writeFile(path("net.graph"), graph);
  await writeFile(path("net.demands"), demands);
  await writeFile(path("paths.json"), JSON.stringify({ moved: 1, paths: [{ demand: 0, nodes: [0, 3, 2] }] }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const whatIf = (...args: string[]) =>
  Pointsman.run("te", "whatif", "--topology", path("net.graph"), "--demands", path("net.demands"), ...args);

// Side by side: most of the time of each is the start of its process.
describe.concurrent("te whatif", () => {
  test("each link, with paths: worst first, before as it is", async ({ expect }) => {
    const { code, out, err } = await whatIf("--paths", path("paths.json"), "--fail-each", "link", "--json");
    expect(code, err).toBe(0);
    const report = JSON.parse(out);
    expect(report).toMatchObject({ after: null, elapsedMs: expect.any(Number) });
    // All 800 of d0 over 0-3 and on to 2; d2 the short way, which is 0-3 too.
    expect(report.before).toMatchObject({ maxUtilisation: 1.2, edge: 7, overloaded: 1, fallbacks: 0 });
    // Without b - c all 1300 enter 0-3; without d - a all cross 1-2; without the tail its demand is cut off.
    expect(report.failures.map(({ failed }: { failed: object }) => failed)).toEqual(
      [
        ["b - c", [2, 3]],
        ["d - a", [6, 7]],
        ["c - tail", [8]],
        ["a - b", [0, 1]],
        ["c - d", [4, 5]],
      ].map(([name, edges]) => ({ kind: "link", name, edges })),
    );
    expect(report.worst).toMatchObject({ maxUtilisation: 1.3, edge: 7, overloaded: 1, newlyOverloaded: 0 });
    expect(report.failures[1]).toMatchObject({ maxUtilisation: 1.3, edge: 2, overloaded: 3, newlyOverloaded: 3 });
    expect(report.failures[2]).toMatchObject({
      maxUtilisation: 1.2,
      edge: 7,
      overloaded: 1,
      newlyOverloaded: 0,
      disconnected: { demands: 1, volume: 100 },
    });
    expect(report.worst).toEqual(report.failures[0]);
  });

  test("each node: its own demands go with it, a broken path falls back", async ({ expect }) => {
    const { code, out } = await whatIf("--paths", path("paths.json"), "--fail-each", "node", "--json");
    expect(code).toBe(0);
    const failures = new Map<string, object>(
      JSON.parse(out).failures.map((one: { failed: { name: string } }) => [one.failed.name, one]),
    );
    expect(failures.size).toBe(5);
    expect(failures.get("d")).toMatchObject({
      failed: { kind: "node", node: 3, name: "d" },
      maxUtilisation: 0.9,
      edge: 2,
      lost: { demands: 1, volume: 400 },
      disconnected: { demands: 0, volume: 0 },
      fallbacks: 1,
    });
    expect(failures.get("c")).toMatchObject({
      lost: { demands: 1, volume: 800 },
      disconnected: { demands: 1, volume: 100 },
      maxUtilisation: 0.4,
    });
  });

  test("a change of every kind at once, and failures on top of it", async ({ expect }) => {
    const change = ["--remove-edge", "8", "--remove-node", "3", "--weight", "0=7", "--capacity", "2=400"];
    const more = ["--scale-demands", "0.5", "--add-demand", "1,2=100", "--fail-each", "node", "--json"];
    const { code, out, err } = await whatIf(...change, ...more);
    expect(code, err).toBe(0);
    const report = JSON.parse(out);
    expect(report.before).toMatchObject({ maxUtilisation: 0.9, edge: 2 });
    expect(report.after).toMatchObject({
      maxUtilisation: 1.25,
      edge: 2,
      overloaded: 1,
      disconnected: { demands: 1, volume: 50 },
      lost: { demands: 1, volume: 200 },
      cutOff: [3],
    });
    expect(report.edges[0]).toEqual({
      edge: 2,
      name: "b - c",
      load: { before: 900, after: 500 },
      utilisation: { before: 0.9, after: 1.25 },
    });
    expect(report.failures).toHaveLength(4);
  });

  test("a person gets a table, as long as asked for", async ({ expect }) => {
    const { code, out } = await whatIf("--fail-each", "link", "--top", "2");
    expect(code).toBe(0);
    expect(out).toMatch(/^before: 90% on b - c \(2\), 0 edges overloaded$/m);
    expect(out).toMatch(/^FAILED +NAME +MAX +ON +OVERLOADED +CUT OFF +FALLBACKS$/m);
    expect(out).toMatch(/^5 failures in \d+ ms: \d overload an edge that was not, 1 cut demands off$/m);
    expect(out.split("\n").filter((line) => /^\d+(\+\d+)? /.test(line) && !line.includes("failures"))).toHaveLength(2);
  });

  test.each([
    [["--remove-edge", "9"], /^--remove-edge: unknown edge 9$/, /^edges are numbered 0 to 8 in .*net\.graph$/],
    [["--weight", "1=-3"], /--weight/, /./],
    [["--paths", "nowhere.json"], /^nowhere\.json: there is no such file/, /correct the path/],
  ])("refuses %s", async (args, said, mend) => {
    const { code, out, err } = await whatIf(...args, "--json");
    expect(code).toBe(2);
    expect(out).toBe("");
    const { error } = JSON.parse(err);
    expect(error).toMatchObject({ code: "CONFIG_INVALID", message: expect.stringMatching(said) });
    expect(error.mend).toMatch(mend);
  });

  test("tells a malformed topology by its line", async ({ expect }) => {
    await writeFile(path("bad.graph"), graph.replace("edge_1 1 0", "edge_1 1 7"));
    const { code, err } = await Pointsman.run(
      ...["te", "whatif", "--topology", path("bad.graph"), "--demands", path("net.demands"), "--fail-each", "link"],
    );
    expect(code).toBe(2);
    expect(err).toMatch(/CONFIG_INVALID .*bad\.graph:12 an edge to unknown node 7/);
    expect(err).toMatch(/mend: nodes are numbered 0 to 4/);
  });
});

// Goal: what is wrong with a file or an id is told with where it is and what to do. The same as above without the processes.
describe("refuses", () => {
  const nothing = {
    removedEdges: [],
    removedNodes: [],
    weights: new Map<number, number>(),
    capacities: new Map<number, number>(),
    addedDemands: [],
  };
  const ask = (more: Partial<WhatIfQuestion>) =>
    answerWhatIf({ topology: path("net.graph"), demands: path("net.demands"), ...nothing, ...more });
  const refusal = (more: Partial<WhatIfQuestion>) =>
    ask(more).then(
      () => undefined,
      (failure: unknown) => failure,
    );

  test.each<[label: string, content: unknown, said: RegExp]>([
    ["not JSON", "{ paths: ", / is not JSON: /],
    ["no paths", {}, / paths /],
    ["a node that is no number", { paths: [{ demand: 0, nodes: [0, "d", 2] }] }, / paths\[0\]\.nodes\[1\] /],
    ["a path of one node", { paths: [{ demand: 0, nodes: [0] }] }, / paths\[0\]\.nodes /],
    ["an unknown node", { paths: [{ demand: 0, nodes: [0, 9, 2] }] }, / paths\[0\]\.nodes\[1\] unknown node 9/],
    ["other ends", { paths: [{ demand: 0, nodes: [0, 3] }] }, /from 0 to 3, demand 0 from 0 to 2/],
    ["an unknown row", { paths: [{ demand: 4, nodes: [0, 2] }] }, / paths\[0\]\.demand there is no demand 4/],
    ["a row that does not count", { paths: [{ demand: 1, nodes: [1, 1] }] }, /there is no demand 1/],
    [
      "two paths",
      { paths: [2, 2].map((demand) => ({ demand, nodes: [0, 3] })) },
      / paths\[1\]\.demand demand 2 has a path already/,
    ],
  ])("paths: %s", async (label, content, said) => {
    const file = path(`${label.replaceAll(" ", "-")}.json`);
    await writeFile(file, typeof content === "string" ? content : JSON.stringify(content));
    const failure = await refusal({ paths: file });
    expect(failure).toMatchObject({ code: "CONFIG_INVALID", mend: expect.stringMatching(/./) });
    expect((failure as Error).message).toMatch(said);
    expect((failure as Error).message).toContain(file);
  });

  test.each<[Partial<WhatIfQuestion>, RegExp]>([
    [{ removedNodes: [5] }, /^--remove-node: unknown node 5$/],
    [{ weights: new Map([[99, 1]]) }, /^--weight: unknown edge 99$/],
    [{ capacities: new Map([[9, 1]]) }, /^--capacity: unknown edge 9$/],
    [{ addedDemands: [{ source: 0, target: 5, size: 1 }] }, /^--add-demand: unknown node 5$/],
  ])("an unknown id: %o", async (question, said) => {
    expect(await refusal(question)).toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringMatching(said),
      mend: expect.stringMatching(/numbered 0 to/),
    });
  });
});
