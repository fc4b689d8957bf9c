import {
  canonicalXml,
  childElement,
  elements,
  parseXml,
  textOf,
  type XmlElement,
  XmlSyntaxError,
} from "../kernel/xml.ts";

/** A reply's data, which is a sequence of elements, as one tree; undefined when it would not come out the same again. */
export function readData(reading: string): XmlElement | undefined {
  try {
    const data = parseXml(`<data>${reading}</data>`);
    // Trees are compared by their text, so a text that does not survive a round trip cannot be edited.
    return writeData(data) === reading ? data : undefined;
  } catch (error) {
    if (error instanceof XmlSyntaxError) return undefined;
    throw error;
  }
}

export const writeData = (data: XmlElement) =>
  elements(data)
    .map((child) => canonicalXml(child))
    .join("");

/** The nodes of one YANG module. */
export function inModule(namespace: string) {
  const is = (candidate: XmlElement, name: string) => candidate.name === name && candidate.namespace === namespace;
  const at = (from: XmlElement, ...path: string[]): XmlElement | undefined =>
    path.reduce<XmlElement | undefined>((found, name) => found && childElement(found, name, namespace), from);
  return {
    is,
    at,
    /** The text of a leaf that may be missing. */
    leaf(parent: XmlElement | undefined, name: string): string | undefined {
      const found = parent && childElement(parent, name, namespace);
      return found && textOf(found);
    },
    /** The entries of the list `name` in the container at `path`. */
    list(from: XmlElement, name: string, ...path: string[]): XmlElement[] {
      const parent = at(from, ...path);
      return parent ? elements(parent).filter((each) => is(each, name)) : [];
    },
    element: (name: string, ...children: (XmlElement | string)[]): XmlElement => ({
      name,
      namespace,
      attributes: [],
      children,
    }),
  };
}
