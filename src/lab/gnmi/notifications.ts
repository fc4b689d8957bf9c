import { status } from "@grpc/grpc-js";
import { type Encoding, encode, encodings, type InterfaceState, type Leaf, models, nanoseconds } from "./leaves.ts";
import type { Model, Notification, PathElem } from "./messages.ts";
import { invalid, RpcError, type Selection, selects } from "./paths.ts";

/** What the RPCs of one request have in common. */
export type Format = Readonly<{ target: string; encoding: Encoding }>;

/** JSON is what a request that names no encoding asks for, and no router has to serve it: UNIMPLEMENTED, as 3.3.1 asks. */
export function acceptedEncoding(asked: string | number, useModels: readonly Model[]): Encoding {
  const stranger = useModels.find((asked) => !models.some(({ name }) => name === asked.name));
  if (stranger) throw invalid(`model "${stranger.name}" is not served`);
  const encoding = encodings.find((served) => served === asked);
  if (!encoding) throw new RpcError(status.UNIMPLEMENTED, `encoding ${asked} is not served; use JSON_IETF or PROTO`);
  return encoding;
}

/** Leaves of one interface; the interface is in the prefix, as routers do it, and the paths are relative to it. */
export function streamed(
  atMs: number,
  format: Format,
  selection: Selection,
  of: InterfaceState,
  leaves: readonly Leaf[],
): Notification {
  return {
    timestamp: nanoseconds(atMs),
    prefix: { target: format.target, origin: selection.origin, elem: interfaceElems(of) },
    update: leaves.map((leaf) => update(format, of, leaf, [])),
  };
}

/** The answer to one path of a Get, leaf by leaf with whole paths; NOT_FOUND if it names an interface that is not there. */
export function got(
  atMs: number,
  format: Format,
  selection: Selection,
  interfaces: readonly InterfaceState[],
): Notification {
  const found = interfaces.filter((of) => selects(selection, of));
  if (selection.interfaceName !== undefined && found.length === 0) {
    throw new RpcError(status.NOT_FOUND, `${selection.text}: no such interface`);
  }
  return {
    timestamp: nanoseconds(atMs),
    prefix: { target: format.target, origin: selection.origin },
    update: found.flatMap((of) => selection.leaves.map((leaf) => update(format, of, leaf, interfaceElems(of)))),
  };
}

function update(format: Format, of: InterfaceState, leaf: Leaf, above: readonly PathElem[]) {
  const elem = [...above, ...leaf.path.map((name) => ({ name }))];
  return { path: { elem }, val: encode(leaf.read(of), format.encoding) };
}

const interfaceElems = (of: InterfaceState): PathElem[] => [
  { name: "interfaces" },
  { name: "interface", key: { name: of.name } },
];
