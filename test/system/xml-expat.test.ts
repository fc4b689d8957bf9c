import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseXml, writeXml, type XmlElement, XmlSyntaxError } from "../../src/kernel/xml.ts";
import { meaning, tree } from "../kernel/xml-trees.ts";
import { fuzz } from "../support/fuzz.ts";

/** What Python's expat sees in each document: null where it refuses. */
function readByExpat(documents: readonly string[]): (XmlElement | null)[] {
  const script = fileURLToPath(new URL("xml-expat.py", import.meta.url));
  const input = documents.map((document) => `${JSON.stringify(document)}\n`).join("");
  const { stdout, stderr } = spawnSync("python3", [script], { input, encoding: "utf8", maxBuffer: 1 << 28 });
  const lines = stdout.trimEnd().split("\n");
  if (lines.length !== documents.length) throw new Error(stderr);
  return lines.map((line) => JSON.parse(line) as XmlElement | null);
}

function read(document: string): XmlElement | undefined {
  try {
    return parseXml(document);
  } catch (error) {
    if (!(error instanceof XmlSyntaxError)) throw error;
    return undefined;
  }
}

// Goal: expat, which shares nothing with our parser, reads what we write as the tree that it was.
test("expat reads what we write", () => {
  const { numRuns } = fuzz(1_000);
  const seed = Date.now();
  const trees = fc.sample(tree, { numRuns, seed });
  const there = readByExpat(trees.map((one) => writeXml(one)));
  for (const [nth, one] of trees.entries()) {
    const other = there[nth];
    expect(other && meaning(other), `seed ${seed}, tree ${nth}`).toEqual(meaning(one));
  }
});

// Goal: no document that both take is two trees. Saxes takes white space off the ends of a namespace; expat does not.
test("garbled documents are never read as two trees", () => {
  const insert = fc.constantFrom(
    "",
    "<",
    ">",
    "&",
    "/",
    "'",
    '"',
    "=",
    " ",
    "a",
    ":",
    "xmlns",
    "]]>",
    "<![CDATA[",
    "<?a?>",
    "\t",
  );
  const garbled = fc
    .tuple(tree, fc.array(fc.tuple(fc.nat(), fc.nat(4), insert), { minLength: 1, maxLength: 3 }))
    .map(([root, edits]) =>
      edits.reduce((document, [at, remove, text]) => {
        const from = at % (document.length + 1);
        return document.slice(0, from) + text + document.slice(from + remove);
      }, writeXml(root)),
    )
    .filter((document) => Buffer.from(document).toString() === document);
  const { numRuns } = fuzz(3_000);
  const seed = Date.now();
  const documents = fc.sample(garbled, { numRuns, seed });
  let compared = 0;
  for (const [nth, there] of readByExpat(documents).entries()) {
    const here = read(documents[nth] ?? "");
    if (!here || !there || /xmlns(:\w+)?=["'](\s|[^"']*\s["'])/.test(documents[nth] ?? "")) continue;
    compared++;
    expect(meaning(there), `seed ${seed}: ${documents[nth]}`).toEqual(meaning(here));
  }
  expect(compared, "documents that both take").toBeGreaterThan(300);
});
