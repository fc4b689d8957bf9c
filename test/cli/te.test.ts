import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Pointsman } from "./process.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pointsman-te-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

// The short way 0-1 is full; 0-2-1 is empty. One of the two demands has to move.
const graph = `NODES 3
label x y
a 0 0
b 0 0
c 0 0

EDGES 6
label src dest weight bw delay
e0 0 1 1 100 1
e1 1 0 1 100 1
e2 0 2 1 100 1
e3 2 0 1 100 1
e4 2 1 1 100 1
e5 1 2 1 100 1
`;
const demands = "DEMANDS 3\nlabel src dest bw\nd0 1 1 5\nd1 0 1 60\nd2 0 1 60\n";

async function te(command: string, graphText: string, demandsText: string, ...args: string[]) {
  const [topology, matrix] = [join(folder, "net.graph"), join(folder, "net.demands")];
  await writeFile(topology, graphText);
  await writeFile(matrix, demandsText);
  return Pointsman.run("te", command, "--topology", topology, "--demands", matrix, ...args);
}

const solve = (graphText: string, demandsText: string, ...args: string[]) =>
  te("solve", graphText, demandsText, ...args);

// Goal: `te solve … --json` keeps its contract to the letter.
test("te solve --json", async () => {
  const { code, out, err } = await solve(graph, demands, "--budget", "1s", "--seed", "1", "--json");
  expect(code, err).toBe(0);
  const solved = JSON.parse(out) as Record<string, unknown>;
  expect(Object.keys(solved)).toEqual([
    ...["maxUtilisation", "initialMaxUtilisation", "lowerBound", "provenOptimal", "moved", "elapsedMs", "paths"],
  ]);
  expect(solved).toMatchObject({ maxUtilisation: 0.6, initialMaxUtilisation: 1.2, provenOptimal: true, moved: 1 });
  const [path] = solved.paths as { demand: number; nodes: number[] }[];
  expect([1, 2]).toContain(path?.demand);
  expect(path?.nodes).toEqual([0, 2, 1]);
});

test("limits are options, and people get a table", async () => {
  const { code, out } = await solve(graph, demands, "--budget", "50ms", "--max-segments", "5", "--max-moved", "0");
  expect(code).toBe(0);
  expect(out).toMatch(/before\s+after\s+lower bound/);
  expect(out).toMatch(/120%\s+120%\s+\d/);
});

test.each([
  ["an unknown node", graph.replace("e5 1 2", "e5 1 9"), demands, "net.graph:14 an edge to unknown node 9"],
  ["negative capacity", graph.replace("e5 1 2 1 100", "e5 1 2 1 -100"), demands, "net.graph:14 negative capacity -100"],
  ["a missing header", graph, demands.replace("DEMANDS 3\n", ""), "net.demands:1 missing header"],
])("%s: line, reason and exit 2", async (_, graphText, demandsText, message) => {
  const { code, err } = await solve(graphText, demandsText, "--json");
  expect(code).toBe(2);
  expect(JSON.parse(err)).toMatchObject({
    error: { code: "CONFIG_INVALID", message: expect.stringContaining(message) },
  });
});

test.each([
  ["--budget", "soon"],
  ["--seed", "-1"],
  ["--max-segments", "0"],
])("%s %s: exit 2", async (option, value) => {
  const { code, err } = await solve(graph, demands, `${option}=${value}`);
  expect(code).toBe(2);
  expect(err).toContain(option);
});

// Goal: `te relieve` finds the one policy that is needed, keeps what is there, and its exit code says how it went.
test("te relieve", async () => {
  const { code, out } = await te("relieve", graph, demands, "--target", "80%", "--json");
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    hot: [0],
    stillHot: [],
    atLeast: 1,
    maxUtilisation: { before: 1.2, after: 0.6 },
    paths: [{ demand: 1, nodes: [0, 2, 1] }],
  });
  const there = join(folder, "paths.json");
  await writeFile(there, out);
  const again = await te("relieve", graph, demands, "--paths", there);
  expect(again).toMatchObject({ code: 3, out: "no link is over the target; the fullest is at 60%\n" });
  const hopeless = await te("relieve", graph, demands, "--target", "30%");
  expect(hopeless).toMatchObject({ code: 5, out: expect.stringContaining("under the target: edges 0") });
  expect(await te("relieve", graph, demands, "--target", "0.8")).toMatchObject({ code: 2 });
});
