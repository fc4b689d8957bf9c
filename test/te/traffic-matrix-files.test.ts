import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EstimateFiles, type EstimateReport, estimateFromFiles } from "../../src/app/te-estimate.ts";
import { attempt, unwrap } from "../../src/kernel/failure.ts";
import { parseDemands, parseGraph } from "../../src/te/repetita.ts";
import { Pointsman } from "../cli/process.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";

// A ring of four with a label that holds a comma, and a label that two edges share. From a: 100 to b, 40 to c (half each way
// round), 20 to d; nothing else. So a-b carries 120, b-c 20, a-d 40, d-c 20, and the way back is idle.
const graph = `NODES 4
label x y
a 0 0
b,+B 0 0
c 0 0
d 0 0

EDGES 8
label src dest weight bw delay
a-b 0 1 1 1000 1
b-c 1 2 1 1000 1
a-d 0 3 1 1000 1
d-c 3 2 1 1000 1
back 1 0 1 1000 1
back 2 1 1 1000 1
d-a 3 0 1 1000 1
c-d 2 3 1 1000 1
`;
const loads = `edge,load
a-b,120
"b-c", 20
2,40

d-c,2e1
4,0
5,0
d-a,0
c-d,0
`;
const truth = [
  { source: 0, target: 1, size: 100 },
  { source: 0, target: 2, size: 40 },
  { source: 0, target: 3, size: 20 },
];

let folder: string;
const at = (name: string) => join(folder, name);
const files = (more: Partial<EstimateFiles> = {}): EstimateFiles => ({
  topology: at("net.graph"),
  linkLoads: at("loads.csv"),
  ...more,
});
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pointsman-estimate-"));
  await writeFile(at("net.graph"), graph);
  await writeFile(at("loads.csv"), loads);
  await writeFile(at("totals.csv"), "node,in,out\r\na,160,0\r\nb,+B,0,100\r\n2,0,40\r\nd,0,20\r\n");
  await writeFile(at("known.demands"), "DEMANDS 3\nlabel src dest bw\nx 0 2 30\ny 0 2 10\nz 1 2 0\n");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const sizes = ({ demands }: EstimateReport) =>
  demands.map(({ size, ...rest }) => ({ ...rest, size: Math.round(size) }));

// Goal: the command's contract, from files in every notation that is allowed to a file that the other commands read.
test("te estimate --json, and the demands it writes", async () => {
  const from = ["--topology", at("net.graph"), "--link-loads", at("loads.csv"), "--node-totals", at("totals.csv")];
  const ran = await Pointsman.run("te", "estimate", ...from, "--output", at("out.demands"), "--json");
  expect(ran).toMatchObject({ code: 0, err: "" });
  const report = JSON.parse(ran.out) as EstimateReport;
  expect(sizes(report)).toEqual(truth);
  expect(report).toEqual({
    demands: report.demands,
    fit: {
      relativeResidual: expect.any(Number),
      worstEdge: {
        edge: expect.any(Number),
        label: expect.any(String),
        measured: expect.any(Number),
        fitted: expect.any(Number),
        relativeResidual: expect.any(Number),
      },
      nodeTotalsResidual: expect.any(Number),
      unknowns: 3,
      equations: 8,
      unseen: 0,
      prior: "node-totals",
      note: expect.stringContaining("8 equations for 3 unknown demands"),
    },
    elapsedMs: expect.any(Number),
  });
  const read = unwrap(parseGraph(graph, "net.graph"));
  const written = unwrap(parseDemands(await readFile(at("out.demands"), "utf8"), "out.demands", read));
  expect([...written.size]).toEqual(report.demands.map(({ size }) => size));
  expect([...written.source]).toEqual([0, 0, 0]);
  expect([...written.target]).toEqual([1, 2, 3]);
});

// Goal: a person reads the fit, and that the matrix is not the only one.
test("te estimate for a person", async () => {
  await writeFile(at("few.csv"), "edge,load\na-b,120\nb-c,20\n");
  const ran = await Pointsman.run("te", "estimate", "--topology", at("net.graph"), "--link-loads", at("few.csv"));
  expect(ran).toMatchObject({ code: 0, err: "" });
  expect(ran.out).toMatch(/Link loads are met to .*%\./);
  expect(ran.out).toMatch(/Not unique: 2 equations leave at least 10 of 12 unknown demands open/);
});

// Goal: known demands are held, the rows of a pair added up, and one that is known to be 0 is not estimated.
test("known demands, among them one of 0", async () => {
  const report = await estimateFromFiles(files({ known: at("known.demands") }), new SimulatedClock());
  expect(sizes(report)).toEqual(truth);
  expect(report.fit).toMatchObject({ unknowns: 3, unseen: 0, prior: "link-loads" });
  await writeFile(at("few.csv"), "edge,load\nb-c,20\n");
  const { demands } = await estimateFromFiles(
    files({ linkLoads: at("few.csv"), known: at("known.demands") }),
    new SimulatedClock(),
  );
  expect(demands).not.toContainEqual(expect.objectContaining({ source: 1, target: 2 }));
});

// Goal: every mistake in a file is CONFIG_INVALID, told with file, line, reason and mend.
test.each([
  ["linkLoads", "", ":1 missing header: edge,load expected", "first line"],
  ["linkLoads", "a-b,120\n", ":1 missing header", "first line"],
  ["linkLoads", "edge,load\n", ":1 nothing was measured", "add a line"],
  ["linkLoads", "edge,load\na-b,1\nx-y,2\n", ":3 unknown edge x-y", "0 to 7"],
  ["linkLoads", "edge,load\n8,2\n", ":2 unknown edge 8", "0 to 7"],
  ["linkLoads", "edge,load\nback,2\n", ":2 label back stands for edges 4 and 5", "row number"],
  ["linkLoads", "edge,load\na-b,-1\n", ":2 negative load -1", "0 or more"],
  ["linkLoads", "edge,load\na-b,fast\n", ":2 load fast is not a number", "kbit/s"],
  ["linkLoads", "edge,load\na-b,NaN\n", ":2 load NaN is not a number", "kbit/s"],
  ["linkLoads", "edge,load\na-b,\n", ":2 load is empty", "leave out"],
  ["linkLoads", "edge,load\na-b\n", ":2 1 fields, not 2", "write edge,load"],
  ["linkLoads", "edge,load\na-b,1\n\n0,2\n", ":4 edge 0 for the second time, after line 2", "keep one"],
  ["nodeTotals", "node,load\na,1\n", ":1 missing header: node,in,out expected", "first line"],
  ["nodeTotals", "node,in,out\ne,1,1\n", ":2 unknown node e", "0 to 3"],
  ["nodeTotals", "node,in,out\na,1,-2\n", ":2 negative out -2", "0 or more"],
  ["known", "label src dest bw\n", ":1 missing header: DEMANDS", "DEMANDS <count>"],
  ["known", "DEMANDS 1\nlabel src dest bw\nx 0 4 1\n", ":3 a demand to unknown node 4", "0 to 3"],
  ["topology", "EDGES 0\n", ":1 missing header: NODES", "NODES <count>"],
] as const)("%s %j is refused", async (option, text, reason, mend) => {
  await writeFile(at("wrong"), text);
  const answer = await attempt(() => estimateFromFiles(files({ [option]: at("wrong") }), new SimulatedClock()));
  expect(answer).toMatchObject({
    ok: false,
    failure: {
      code: "CONFIG_INVALID",
      message: expect.stringContaining(`${at("wrong")}${reason}`),
      mend: expect.stringContaining(mend),
    },
  });
});

// Goal: the process says so in the usual form and exits 2; also for a file that is not there, and for usage.
test.concurrent.each([
  ["a wrong line", "wrong-load.csv", "edge,load\na-b,-1\n", /wrong-load\.csv:2 negative load -1/],
  ["a missing file", "no-such.csv", undefined, /no-such\.csv: there is no such file/],
])("exit 2 for %s", async (_, name, text, message) => {
  if (text !== undefined) await writeFile(at(name), text);
  const ran = await Pointsman.run("te", "estimate", "--topology", at("net.graph"), "--link-loads", at(name), "--json");
  expect(ran).toMatchObject({ code: 2, out: "" });
  expect(JSON.parse(ran.err)).toEqual({
    error: { code: "CONFIG_INVALID", message: expect.stringMatching(message), mend: expect.any(String) },
  });
});

test("exit 2 without link loads, and where the output cannot be written", async () => {
  const usage = await Pointsman.run("te", "estimate", "--topology", at("net.graph"));
  expect(usage).toMatchObject({ code: 2, err: expect.stringContaining("--link-loads") });
  const output = join(folder, "none", "out.demands");
  const answer = await attempt(() => estimateFromFiles(files({ output }), new SimulatedClock()));
  expect(answer).toMatchObject({ failure: { code: "CONFIG_INVALID", message: expect.stringContaining(output) } });
});
