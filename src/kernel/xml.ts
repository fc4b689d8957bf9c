import { SaxesParser, type SaxesTagNS } from "saxes";

/** An element with its namespace resolved: a name is compared by namespace and local name, never by prefix. */
export type XmlElement = {
  readonly name: string;
  readonly namespace: string;
  readonly attributes: readonly XmlAttribute[];
  readonly children: (XmlElement | string)[];
};
export type XmlAttribute = Readonly<{ name: string; namespace: string; value: string }>;

export class XmlSyntaxError extends Error {}

const xmlnsNamespace = "http://www.w3.org/2000/xmlns/";
/** Bound to `xml` and to no other prefix (Namespaces in XML, section 3). */
const xmlNamespace = "http://www.w3.org/XML/1998/namespace";

/** Bounds on a document from a peer: a small text can make a big tree, and a deep one a stack overflow. */
export type XmlLimits = Readonly<{ elements: number; depth: number }>;

/** Parses one document; order, namespaces and text are kept exactly. Throws XmlSyntaxError with line and column. DTDs are refused. */
export function parseXml(text: string): XmlElement {
  const reader = new XmlReader();
  reader.write(text);
  return reader.close();
}

/** `parseXml` for a text that arrives in pieces, wherever it is cut. Both methods throw XmlSyntaxError, after which the reader is spent. */
export class XmlReader {
  readonly #parser = new SaxesParser({ xmlns: true });
  #root: XmlElement | undefined;

  constructor(limits: XmlLimits = { elements: Number.POSITIVE_INFINITY, depth: Number.POSITIVE_INFINITY }) {
    const open: XmlElement[] = [];
    let count = 0;
    const addText = (value: string) => open.at(-1)?.children.push(value);
    this.#parser.on("error", (error) => {
      throw new XmlSyntaxError(error.message);
    });
    this.#parser.on("doctype", () => {
      throw new XmlSyntaxError("a document type declaration is not allowed");
    });
    this.#parser.on("opentag", (tag: SaxesTagNS) => {
      count += 1;
      if (count > limits.elements) throw new XmlSyntaxError(`more than ${limits.elements} elements`);
      if (open.length >= limits.depth) throw new XmlSyntaxError(`more than ${limits.depth} elements deep`);
      const element: XmlElement = {
        name: tag.local,
        namespace: tag.uri,
        attributes: Object.values(tag.attributes)
          .filter((attribute) => attribute.uri !== xmlnsNamespace)
          .map(({ local, uri, value }) => ({ name: local, namespace: uri, value })),
        children: [],
      };
      open.at(-1)?.children.push(element);
      this.#root ??= element;
      open.push(element);
    });
    this.#parser.on("closetag", () => open.pop());
    this.#parser.on("text", addText);
    this.#parser.on("cdata", addText);
  }

  write(piece: string): void {
    this.#parser.write(piece);
  }

  close(): XmlElement {
    this.#parser.close();
    if (!this.#root) throw new XmlSyntaxError("the document is empty");
    return this.#root;
  }
}

/** For an element's text. A carriage return that stands as itself is read as a line feed (XML 1.0, 2.11). */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"'\r]/g, reference);
}

/** Tabs and line ends that stand as themselves in an attribute are read as blanks (XML 1.0, 3.3.3). */
const escapeAttribute = (value: string) => escapeXml(value).replace(/[\t\n]/g, reference);

const reference = (character: string) => `&#${character.charCodeAt(0)};`;

export function elements(parent: XmlElement): XmlElement[] {
  return parent.children.filter((child): child is XmlElement => typeof child !== "string");
}

/** The first child element of that name, in that namespace if one is given. */
export function childElement(parent: XmlElement, name: string, namespace?: string): XmlElement | undefined {
  return elements(parent).find((c) => c.name === name && (namespace === undefined || c.namespace === namespace));
}

/** The element at the end of `path` (first match at each step). */
export function descend(from: XmlElement, ...path: string[]): XmlElement | undefined {
  let at: XmlElement | undefined = from;
  for (const name of path) at = at && childElement(at, name);
  return at;
}

/** Every element of the last name of `path` that stands where the names before it lead: the entries of a list. */
export function entriesAt(from: XmlElement, ...path: string[]): XmlElement[] {
  const name = path.at(-1);
  const parent = descend(from, ...path.slice(0, -1));
  return parent ? elements(parent).filter((child) => child.name === name) : [];
}

/** The text of the element at the end of `path`, without the white space around it. */
export function leafAt(from: XmlElement, ...path: string[]): string | undefined {
  const element = descend(from, ...path);
  return element && trimmed(textOf(element));
}

/** Without the white space of XML (2.3) at its ends: any other, such as a no-break space, is part of a value. */
function trimmed(text: string): string {
  let [from, to] = [0, text.length];
  while (from < to && isWhite(text.charCodeAt(from))) from++;
  while (from < to && isWhite(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

const isWhite = (code: number) => code === 0x20 || code === 0x0a || code === 0x09 || code === 0x0d;

/** All text below an element, in order. */
export function textOf(element: XmlElement): string {
  return element.children.map((child) => (typeof child === "string" ? child : textOf(child))).join("");
}

/** Text on one line, exactly as the tree has it; a namespace is declared where it changes. */
export function writeXml(element: XmlElement, inherited = ""): string {
  const inside = element.children
    .map((child) => (typeof child === "string" ? escapeXml(child) : writeXml(child, element.namespace)))
    .join("");
  const tag = openTag(element, inherited);
  return inside === "" ? `<${tag}/>` : `<${tag}>${inside}</${element.name}>`;
}

/**
 * One text for one meaning: two-space indent, white space between elements dropped, leaf text trimmed, attributes sorted,
 * namespaces declared where they change, elements with nothing in them left out (a non-presence container means nothing,
 * RFC 7950 7.5.1), leaves before containers and each by name. Entries of one list keep their order, which may matter
 * (`ordered-by user`). Two readings of the same configuration are byte-equal, whatever order a server prefers.
 */
export function canonicalXml(element: XmlElement, inherited = "", depth = 0): string {
  const pad = "  ".repeat(depth);
  const tag = openTag(element, inherited);
  const inner = elements(element).filter((child) => !isEmpty(child));
  if (inner.length === 0) {
    const text = trimmed(textOf(element));
    return text === "" ? `${pad}<${tag}/>\n` : `${pad}<${tag}>${escapeXml(text)}</${element.name}>\n`;
  }
  const sorted = inner
    .map((child) => ({ child, rank: Number(!isLeaf(child)) }))
    .sort((a, b) => a.rank - b.rank || compareNames(a.child, b.child));
  const body = sorted.map(({ child }) => canonicalXml(child, element.namespace, depth + 1)).join("");
  return `${pad}<${tag}>\n${body}${pad}</${element.name}>\n`;
}

const isLeaf = (element: XmlElement) => elements(element).every(isEmpty);
const isEmpty = (element: XmlElement): boolean =>
  element.attributes.length === 0 && trimmed(textOf(element)) === "" && elements(element).every(isEmpty);
const compareNames = (a: XmlElement, b: XmlElement) => {
  const [left, right] = [`${a.name} ${a.namespace}`, `${b.name} ${b.namespace}`];
  return left < right ? -1 : Number(left > right);
};

function openTag(element: XmlElement, inherited: string): string {
  const parts = [element.name];
  if (element.namespace !== inherited) parts.push(`xmlns="${escapeAttribute(element.namespace)}"`);
  const sorted = [...element.attributes].sort((a, b) => (a.namespace + a.name < b.namespace + b.name ? -1 : 1));
  for (const [index, { name, namespace, value }] of sorted.entries()) {
    if (namespace === "") parts.push(`${name}="${escapeAttribute(value)}"`);
    else if (namespace === xmlNamespace) parts.push(`xml:${name}="${escapeAttribute(value)}"`);
    else parts.push(`xmlns:a${index}="${escapeAttribute(namespace)}"`, `a${index}:${name}="${escapeAttribute(value)}"`);
  }
  return parts.join(" ");
}
