import type { Series } from "../../model/sample.ts";
import { WireError, type WireReader } from "./wire-reader.ts";

export type PathElement = Readonly<{ name: string; keys: ReadonlyMap<string, string> }>;
/** A gNMI path as parsed; `origin` is empty when the message left it out. */
export type GnmiPath = Readonly<{ origin: string; elements: readonly PathElement[] }>;

const defaultOrigin = "openconfig";
/** Of one path, and of the keys of one element. OpenConfig has no path of more than thirty. */
const mostParts = 64;

/** Reads a `Path` from `pos` to `end`: both today's `elem` and the `element` strings of gNMI 0.3. Its `target` is not ours to judge. */
export function readPath(wire: WireReader, end: number): GnmiPath {
  let origin = "";
  const elements: PathElement[] = [];
  const oldElements: PathElement[] = [];
  while (wire.pos < end) {
    const tag = wire.tag();
    if (tag === 0x0a) oldElements.push(parseElement(wire.text(end)));
    else if (tag === 0x12) origin = wire.text(end);
    else if (tag === 0x1a) elements.push(readElement(wire, wire.delimited(end)));
    else wire.skip(tag, end);
    if (elements.length > mostParts || oldElements.length > mostParts)
      throw new WireError(`a path of more than ${mostParts} elements`);
  }
  wire.endAt(end);
  return { origin, elements: elements.length > 0 ? elements : oldElements };
}

function readElement(wire: WireReader, end: number): PathElement {
  let name = "";
  const keys = new Map<string, string>();
  while (wire.pos < end) {
    const tag = wire.tag();
    if (tag === 0x0a) name = wire.text(end);
    else if (tag === 0x12) readKey(wire, wire.delimited(end), keys);
    else wire.skip(tag, end);
    if (keys.size > mostParts) throw new WireError(`a path element of more than ${mostParts} keys`);
  }
  wire.endAt(end);
  return { name, keys: sorted(keys) };
}

/** A `map<string, string>` entry; either half may be left out when it is empty. */
function readKey(wire: WireReader, end: number, into: Map<string, string>): void {
  let key = "";
  let value = "";
  while (wire.pos < end) {
    const tag = wire.tag();
    if (tag === 0x0a) key = wire.text(end);
    else if (tag === 0x12) value = wire.text(end);
    else wire.skip(tag, end);
  }
  wire.endAt(end);
  into.set(key, value);
}

/** `interface[name=eth1]`, as gNMI 0.3 wrote an element; inside a value only `]` and `\` are escaped. */
function parseElement(text: string): PathElement {
  const open = text.indexOf("[");
  if (open < 0) return { name: text, keys: new Map() };
  const keys = new Map<string, string>();
  const predicate = /\[([^=\]]+)=((?:[^\]\\]|\\.)*)\]/gsy;
  predicate.lastIndex = open;
  while (predicate.lastIndex < text.length) {
    const match = predicate.exec(text);
    if (!match) throw new WireError(`path element ${JSON.stringify(text)}`);
    keys.set(match[1] as string, (match[2] as string).replace(/\\(.)/gs, "$1"));
  }
  return { name: text.slice(0, open), keys: sorted(keys) };
}

/** Map entries come in any order on the wire. */
function sorted(keys: Map<string, string>): ReadonlyMap<string, string> {
  return keys.size < 2 ? keys : new Map([...keys].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A path under its prefix. The origin may stand in either; without one it is `openconfig` (gNMI 2.7). */
export function joinPaths(prefix: GnmiPath, path: GnmiPath): GnmiPath {
  return {
    origin: path.origin || prefix.origin || defaultOrigin,
    elements: [...prefix.elements, ...path.elements],
  };
}

/** One text per path, whatever order its keys came in. */
export function pathText(path: GnmiPath): string {
  let text = `${path.origin}:`;
  for (const { name, keys } of path.elements) {
    text += `/${name}`;
    for (const [key, value] of keys) text += `[${key}=${value.replace(/[\]\\]/g, "\\$&")}]`;
  }
  return text;
}

/** Whether `path` lies at or under `root`. A key that `root` leaves out, or gives as `*`, stands for every value. */
export function isUnder(root: GnmiPath, path: GnmiPath): boolean {
  if (root.origin !== path.origin || root.elements.length > path.elements.length) return false;
  return root.elements.every((wanted, depth) => {
    const element = path.elements[depth];
    if (!element || (wanted.name !== "*" && wanted.name !== element.name)) return false;
    for (const [key, value] of wanted.keys) if (value !== "*" && value !== element.keys.get(key)) return false;
    return true;
  });
}

/** The series that a path is, as `Series` in the model says it. */
export function seriesOf(target: string, path: GnmiPath): Series {
  const labels: Record<string, string> = {};
  let name = path.origin === defaultOrigin ? "" : `${path.origin}:`;
  for (const element of path.elements) {
    name += `/${element.name}`;
    for (const [key, value] of element.keys) {
      // A list inside a list of the same name would hide the outer key, and make two series one.
      let label = `${element.name}.${key}`;
      while (label in labels) label += "'";
      labels[label] = value;
    }
  }
  return { target, name, labels };
}
