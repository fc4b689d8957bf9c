import fc from "fast-check";
import type { XmlAttribute, XmlElement } from "../../src/kernel/xml.ts";

// Trees that any document may hold, rich in what parsers get wrong.

const name = fc.constantFrom("a", "b", "config", "neighbor-address", "x.y", "_1", "é", "東京", "xmlns-ish", "xml-like");
const namespace = fc.constantFrom(
  "",
  "urn:a",
  "urn:b",
  "http://x.test/?a=1&b=2",
  "urn:quote\"'",
  "urn:<angle>",
  "urn: ]]>",
);
/** What an XML document can hold (XML 1.0, section 2.2). */
const character = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(..."<>&\"'\t\n\r ]-?é漢🚂") },
  {
    weight: 1,
    arbitrary: fc.constantFrom("]]>", "&amp;", "&#13;", "<!--", "\ufeff", "\u0085", "\u2028", "\ufffd", "\u{10fffd}"),
  },
  { weight: 3, arbitrary: fc.constantFrom(..."abc019:/.") },
);
export const text = fc.array(character, { maxLength: 8 }).map((parts) => parts.join(""));
const attributeNamespace = fc.constantFrom("", "urn:a", "urn:<angle>", "http://www.w3.org/XML/1998/namespace");
const attributes = fc.uniqueArray(fc.record({ name, namespace: attributeNamespace, value: text }), {
  maxLength: 3,
  selector: ({ name, namespace }) => `${namespace} ${name}`,
});

export const { tree } = fc.letrec<{ tree: XmlElement; child: XmlElement | string }>((tie) => ({
  tree: fc.record({ name, namespace, attributes, children: fc.array(tie("child"), { maxLength: 4 }) }),
  child: fc.oneof({ depthSize: "small", withCrossShrink: true }, text, tie("tree")),
}));

/** Equal for equal meaning: neighbouring texts are one, an empty one is none, and attributes have no order. */
export function meaning({ name, namespace, attributes, children }: XmlElement): XmlElement {
  const joined: (XmlElement | string)[] = [];
  for (const child of children) {
    const last = joined.at(-1);
    if (typeof child !== "string") joined.push(meaning(child));
    else if (typeof last === "string") joined[joined.length - 1] = last + child;
    else if (child !== "") joined.push(child);
  }
  const key = (one: XmlAttribute) => `${one.namespace} ${one.name}`;
  return {
    ...{ name, namespace, children: joined },
    attributes: attributes.toSorted((a, b) => (key(a) < key(b) ? -1 : 1)),
  };
}
