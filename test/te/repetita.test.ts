import { expect, test } from "vitest";
import { unwrap } from "../../src/kernel/failure.ts";
import { parseDemands, parseGraph } from "../../src/te/repetita.ts";

const graphText = `NODES 3
label x y
a 0.0 0.0
b 1.0 0.0
c 2.0 -1.5

EDGES 3
label src dest weight bw delay
ab 0 1 10 1000 5
ba 1 0 10 1000 5
ac 0 2 1 2.5e3 7
`;
const demandsText = "DEMANDS 3\nlabel src dest bw\nd0 0 1 5\nd1 1 1 9\nd2 0 2 7\n";

test("reads a graph and its demands; rows stay those of the file", () => {
  const graph = unwrap(parseGraph(graphText, "net.graph"));
  expect({
    ...graph,
    capacity: [...graph.capacity],
    source: [...graph.source],
    target: [...graph.target],
  }).toMatchObject({
    nodes: 3,
    edges: 3,
    source: [0, 1, 0],
    target: [1, 0, 2],
    capacity: [1000, 1000, 2500],
    nodeNames: ["a", "b", "c"],
  });
  const demands = unwrap(parseDemands(demandsText, "net.demands", graph));
  expect([[...demands.row], [...demands.size]]).toEqual([
    [0, 2],
    [5, 7],
  ]);
});

test("Windows line ends and blank lines at the end are nothing", () => {
  const windows = (text: string) => `${text.replaceAll("\n", "\r\n")}\r\n\r\n`;
  const graph = unwrap(parseGraph(windows(graphText), "net.graph"));
  expect(graph).toEqual(unwrap(parseGraph(graphText, "net.graph")));
  expect(unwrap(parseDemands(windows(demandsText), "net.demands", graph)).row.length).toBe(2);
});

test.each([
  ["missing header", graphText.replace("NODES 3\n", ""), "net.graph:1 missing header: NODES"],
  ["no column names", graphText.replace("label x y\n", ""), "net.graph:2 missing header"],
  ["missing edges", graphText.slice(0, graphText.indexOf("EDGES")), "net.graph:5 missing header: EDGES"],
  ["empty", "", "net.graph:1 missing header: NODES"],
  ["too few nodes", graphText.replace("NODES 3", "NODES 4"), "net.graph:6 fewer nodes than the count says"],
  ["too few edges", graphText.replace("EDGES 3", "EDGES 4"), "net.graph:11 fewer edges than the count says"],
  ["too many edges", graphText.replace("EDGES 3", "EDGES 2"), "net.graph:11 more edges than the count says"],
  ["unknown node", graphText.replace("ac 0 2", "ac 0 3"), "net.graph:11 an edge to unknown node 3"],
  ["unknown source", graphText.replace("ac 0 2", "ac -1 2"), "net.graph:11 an edge from unknown node -1"],
  ["negative capacity", graphText.replace("2.5e3", "-2500"), "net.graph:11 negative capacity -2500"],
  ["no capacity", graphText.replace("2.5e3", "0"), "net.graph:11 capacity 0 is too small"],
  ["hardly any capacity", graphText.replace("2.5e3", "1e-320"), "net.graph:11 capacity 1e-320 is too small"],
  ["a metric beyond all sums", graphText.replace("2.5e3", "1e308"), "net.graph:11 capacity 1e308 is too large"],
  ["a count beyond the file", graphText.replace("NODES 3", "NODES 99999999999"), "net.graph:2 NODES 99999999999"],
  ["NaN", graphText.replace("2.5e3", "NaN"), "net.graph:11 capacity NaN is not a number"],
  ["infinite", graphText.replace("2.5e3", "1e999"), "net.graph:11 capacity 1e999 is not a number"],
  ["negative weight", graphText.replace("ac 0 2 1", "ac 0 2 -1"), "net.graph:11 negative weight -1"],
  ["hexadecimal", graphText.replace("ac 0 2 1", "ac 0 2 0x1"), "net.graph:11 weight 0x1 is not a number"],
  ["a field too few", graphText.replace("2.5e3 7", "7"), "net.graph:11 an edge has 5 fields, not 6"],
])("a graph file with %s is refused by line", (_, text, message) => {
  const parsed = parseGraph(text, "net.graph");
  expect(parsed).toMatchObject({ ok: false, failure: { code: "CONFIG_INVALID", mend: expect.any(String) } });
  expect(!parsed.ok && parsed.failure.message).toContain(message);
});

test.each([
  ["missing header", demandsText.replace("DEMANDS 3\n", ""), "net.demands:1 missing header: DEMANDS"],
  ["too few", demandsText.replace("DEMANDS 3", "DEMANDS 5"), "net.demands:5 fewer demands than the count says"],
  ["too many", demandsText.replace("DEMANDS 3", "DEMANDS 2"), "net.demands:5 more demands than the count says"],
  ["unknown source", demandsText.replace("d2 0", "d2 7"), "net.demands:5 a demand from unknown node 7"],
  ["unknown target", demandsText.replace("d2 0 2", "d2 0 x"), "net.demands:5 a demand to unknown node x"],
  ["negative", demandsText.replace("d2 0 2 7", "d2 0 2 -7"), "net.demands:5 negative demand -7"],
  ["disconnected", demandsText.replace("d2 0 2", "d2 2 0"), "net.demands:5 disconnected demand"],
])("a demands file with %s is refused by line", (_, text, message) => {
  const parsed = parseDemands(text, "net.demands", unwrap(parseGraph(graphText, "net.graph")));
  expect(parsed).toMatchObject({ ok: false, failure: { code: "CONFIG_INVALID", mend: expect.any(String) } });
  expect(!parsed.ok && parsed.failure.message).toContain(message);
});
