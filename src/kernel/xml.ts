import { type SaxesAttributeNSIncomplete, SaxesParser, type SaxesTagNS } from "saxes";

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

/**
 * Bounds on a document from a peer: a small text can make a big tree, and a deep one a stack overflow. `elements` counts attributes
 * too, which take as much room.
 */
export type XmlLimits = Readonly<{ elements: number; depth: number }>;

/** Of a name, or of a namespace, which a small document can repeat at each of its elements. */
const longestName = 1_024;
const nameTooLong = `a name of more than ${longestName} characters`;

/** Of one element, declarations of namespaces included: the parser and `canonicalXml` repeat a namespace for each. */
const mostAttributes = 1_000;

/** Characters of a canonical text; more than any configuration section that is worked on here. V8 ends at 2^29. */
const longestCanonical = 1 << 25;

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
    let attributes = 0;
    const addText = (value: string) => open.at(-1)?.children.push(value);
    this.#parser.on("error", (error) => {
      throw new XmlSyntaxError(error.message);
    });
    this.#parser.on("doctype", () => {
      throw new XmlSyntaxError("a document type declaration is not allowed");
    });
    const countOne = () => {
      count += 1;
      if (count > limits.elements) throw new XmlSyntaxError(`more than ${limits.elements} elements and attributes`);
    };
    // One by one, as an element with a million attributes is only told at its end; by then the parser has resolved them.
    this.#parser.on("attribute", ({ name, prefix, value }: SaxesAttributeNSIncomplete) => {
      countOne();
      attributes += 1;
      if (attributes > mostAttributes)
        throw new XmlSyntaxError(`more than ${mostAttributes} attributes of one element`);
      const isDeclaration = prefix === "xmlns" || name === "xmlns";
      if (name.length > longestName || (isDeclaration && value.length > longestName))
        throw new XmlSyntaxError(nameTooLong);
    });
    this.#parser.on("opentag", (tag: SaxesTagNS) => {
      countOne();
      attributes = 0;
      if (open.length >= limits.depth) throw new XmlSyntaxError(`more than ${limits.depth} elements deep`);
      if (tag.name.length > longestName) throw new XmlSyntaxError(nameTooLong);
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
 *
 * The work grows with the text that is written, which a small document can make long: by deep indents, or by a namespace that
 * changes at each element. Throws XmlSyntaxError beyond 2^25 characters.
 */
export function canonicalXml(element: XmlElement): string {
  return canonicalTexts([element]);
}

/** `canonicalXml` of each, one after the other; the bound is of all together. */
export function canonicalTexts(roots: readonly XmlElement[]): string {
  const text = new CanonicalText(roots);
  for (const root of roots) text.write(root, "", 0);
  return text.pieces.join("");
}

class CanonicalText {
  readonly pieces: string[] = [];
  /** The elements with something in them. */
  readonly #said = new Set<XmlElement>();
  #length = 0;

  constructor(roots: readonly XmlElement[]) {
    for (const root of roots) this.#look(root);
  }

  #look(element: XmlElement): boolean {
    let says = element.attributes.length > 0 || ownText(element) !== "";
    for (const child of elements(element)) says = this.#look(child) || says;
    if (says) this.#said.add(element);
    return says;
  }

  write(element: XmlElement, inherited: string, depth: number): void {
    const pad = "  ".repeat(depth);
    const tag = `${pad}<${openTag(element, inherited)}`;
    const inner = this.#inner(element);
    if (inner.length === 0) {
      const text = ownText(element);
      this.#add(text === "" ? `${tag}/>\n` : `${tag}>${escapeXml(text)}</${element.name}>\n`);
      return;
    }
    this.#add(`${tag}>\n`);
    for (const child of this.#inOrder(inner)) this.write(child, element.namespace, depth + 1);
    this.#add(`${pad}</${element.name}>\n`);
  }

  #add(piece: string): void {
    this.#length += piece.length;
    if (this.#length > longestCanonical)
      throw new XmlSyntaxError(`more than ${longestCanonical} characters when written out`);
    this.pieces.push(piece);
  }

  #inner(element: XmlElement): readonly XmlElement[] {
    return elements(element).filter((child) => this.#said.has(child));
  }

  #inOrder(children: readonly XmlElement[]): readonly XmlElement[] {
    if (children.length < 2) return children;
    return children
      .map((element) => ({ element, isContainer: Number(this.#inner(element).length > 0) }))
      .sort((a, b) => a.isContainer - b.isContainer || compareNames(a.element, b.element))
      .map(({ element }) => element);
  }
}

/** What stands in the element itself. */
const ownText = (element: XmlElement) =>
  trimmed(element.children.filter((child) => typeof child === "string").join(""));

const compareNames = (a: XmlElement, b: XmlElement) => compare(a.name, b.name) || compare(a.namespace, b.namespace);
const compare = (a: string, b: string) => (a < b ? -1 : Number(a > b));

function openTag(element: XmlElement, inherited: string): string {
  const parts = [element.name];
  if (element.namespace !== inherited) parts.push(`xmlns="${escapeAttribute(element.namespace)}"`);
  const sorted = [...element.attributes].sort((a, b) => compare(a.namespace, b.namespace) || compare(a.name, b.name));
  for (const [index, { name, namespace, value }] of sorted.entries()) {
    if (namespace === "") parts.push(`${name}="${escapeAttribute(value)}"`);
    else if (namespace === xmlNamespace) parts.push(`xml:${name}="${escapeAttribute(value)}"`);
    else parts.push(`xmlns:a${index}="${escapeAttribute(namespace)}"`, `a${index}:${name}="${escapeAttribute(value)}"`);
  }
  return parts.join(" ");
}
