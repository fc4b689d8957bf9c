import { createRequire } from "node:module";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  canonicalXml,
  escapeXml,
  parseXml,
  writeXml,
  type XmlElement,
  XmlReader,
  XmlSyntaxError,
} from "../../src/kernel/xml.ts";
import { fuzz } from "../support/fuzz.ts";
import { meaning, text, tree } from "./xml-trees.ts";

// Goal: no text, attribute or namespace, however hostile, is changed by being written and read.
test("what is written is read back as it was", () => {
  const property = fc.property(tree, (root) => {
    expect(meaning(parseXml(writeXml(root)))).toEqual(meaning(root));
  });
  fc.assert(property, fuzz(300));
});

// Goal: the canonical text is a fixed point, so that a configuration that was read, written and read again compares equal.
test("the canonical text of a canonical text is itself", () => {
  const property = fc.property(tree, (root) => {
    const text = canonicalXml(root);
    expect(canonicalXml(parseXml(text))).toBe(text);
  });
  fc.assert(property, fuzz(300));
});

// Goal: two values that differ in more than white space never look the same, or another writer's edit would go unseen.
test("canonical text tells values apart", () => {
  const leaf = (value: string): XmlElement => ({ name: "a", namespace: "", attributes: [], children: [value] });
  const white = fc.constantFrom("", " ", "\n", "\u00a0", "\ufeff", "\u2028", "x");
  const value = fc.array(white, { maxLength: 4 }).map((parts) => parts.join(""));
  const property = fc.property(value, value, (one, other) => {
    const same = one.replace(/^[ \n]+|[ \n]+$/g, "") === other.replace(/^[ \n]+|[ \n]+$/g, "");
    expect(canonicalXml(leaf(one)) === canonicalXml(leaf(other))).toBe(same);
  });
  fc.assert(property, fuzz(300));
});

// Goal: where a document is cut into packets means nothing.
test("pieces read like the whole", () => {
  const property = fc.property(tree, fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }), (root, sizes) => {
    const document = writeXml(root);
    const reader = new XmlReader();
    for (let at = 0, nth = 0; at < document.length; nth++) {
      const size = sizes[nth % sizes.length] ?? 1;
      reader.write(document.slice(at, at + size));
      at += size;
    }
    expect(meaning(reader.close())).toEqual(meaning(parseXml(document)));
  });
  fc.assert(property, fuzz(200));
});

type SaxNode = {
  local: string;
  uri: string;
  attributes: Record<string, { local: string; uri: string; prefix: string; value: string }>;
};
type SaxParser = {
  onopentag: (node: SaxNode) => void;
  onclosetag: () => void;
  ontext: (text: string) => void;
  oncdata: (text: string) => void;
  onerror: (error: Error) => void;
  write(text: string): SaxParser;
  close(): void;
};
type Sax = { parser(strict: boolean, options: object): SaxParser };
const of = (module: string, from: string | URL) => createRequire(createRequire(from).resolve(module));
/** The one below node-netconf: another code base than ours stands on, though both descend from one. */
const sax = of("xml2js", of("node-netconf", import.meta.url).resolve("node-netconf"))("sax") as Sax;

/** The tree as sax reads it; undefined when it refuses. Saxes takes white space off the ends of a namespace, sax does not. */
function readBySax(document: string): XmlElement | undefined {
  const parser = sax.parser(true, { xmlns: true, trim: false, normalize: false });
  const open: XmlElement[] = [];
  let root: XmlElement | undefined;
  let failed = false;
  parser.onopentag = ({ local, uri, attributes }) => {
    const element: XmlElement = {
      ...{ name: local, namespace: uri.trim(), children: [] },
      attributes: Object.values(attributes)
        .filter(({ prefix, local }) => prefix !== "xmlns" && !(prefix === "" && local === "xmlns"))
        .map(({ local, uri, value }) => ({ name: local, namespace: uri.trim(), value })),
    };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  };
  parser.onclosetag = () => void open.pop();
  parser.ontext = (text) => void open.at(-1)?.children.push(text);
  parser.oncdata = (text) => void open.at(-1)?.children.push(text);
  parser.onerror = (error) => {
    failed = true;
    throw error;
  };
  try {
    parser.write(document).close();
  } catch {
    failed = true;
  }
  return failed ? undefined : root;
}

// Goal: two parsers see one tree in what we write, and in what others might: sections, comments, prefixes, references.
test("agrees with another parser", () => {
  const spice = fc.constantFrom(
    "<![CDATA[<&]]>",
    "<!-- a - b -->",
    "<?pi x?>",
    "&lt;",
    "&#65;",
    "&#x1F682;",
    "<p:q xmlns:p='urn:p'/>",
  );
  const property = fc.property(tree, fc.array(fc.tuple(fc.nat(), spice), { maxLength: 3 }), (root, spices) => {
    let document = writeXml(root);
    for (const [nth, what] of spices) {
      const ends = [...document.matchAll(/(?<=[^/]>)(?=[^<]*<)/g)].map(({ index }) => index);
      const at = ends[nth % Math.max(1, ends.length)];
      if (at !== undefined && at < document.length) document = document.slice(0, at) + what + document.slice(at);
    }
    const [here, there] = [parseXml(document), readBySax(document)];
    expect(there && meaning(there)).toEqual(meaning(here));
  });
  fc.assert(property, fuzz(300));
});

// Goal: of a document with a few characters wrong, either a tree that the other parser sees too, or XmlSyntaxError.
test("garbled documents are refused, or read alike", () => {
  const edit = fc.tuple(
    fc.nat(),
    fc.nat(4),
    fc.constantFrom("", "<", ">", "&", "/", "'", '"', "=", " ", "a", ":", "xmlns", "]]>", "\0", "<!DOCTYPE a>"),
  );
  const property = fc.property(tree, fc.array(edit, { minLength: 1, maxLength: 3 }), (root, edits) => {
    let document = writeXml(root);
    for (const [at, remove, insert] of edits) {
      const from = at % (document.length + 1);
      document = document.slice(0, from) + insert + document.slice(from + remove);
    }
    // Half a character can be cut off a string, but never comes out of UTF-8.
    fc.pre(Buffer.from(document).toString() === document);
    let read: XmlElement | undefined;
    try {
      read = parseXml(document);
    } catch (error) {
      expect(error).toBeInstanceOf(XmlSyntaxError);
    }
    if (!read) return;
    const other = readBySax(document);
    if (other) expect(meaning(other)).toEqual(meaning(read));
  });
  fc.assert(property, fuzz(400));
});

// Goal: text that a template puts anywhere stays text.
test("escaped text stays text, in an element and in either kind of quotes", () => {
  const property = fc.property(text, (given) => {
    const escaped = escapeXml(given);
    const root = parseXml(`<a b="${escaped}" c='${escaped}'>${escaped}</a>`);
    expect(root.children.join("")).toBe(given);
    expect(root.children.every((child) => typeof child === "string")).toBe(true);
    expect(root.attributes.map((one) => one.name)).toEqual(["b", "c"]);
  });
  fc.assert(property, fuzz(300));
});
