import { status } from "@grpc/grpc-js";
import { type Encoding, type Entry, encode, encodings, type Leaf, lists, models, nanoseconds } from "./leaves.ts";
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

/** Leaves of one entry; the entry is in the prefix, as routers do it, and the paths are relative to it. */
export function streamed(
  atMs: number,
  format: Format,
  selection: Selection,
  entry: Entry,
  leaves: readonly Leaf[],
): Notification {
  return {
    timestamp: nanoseconds(atMs),
    prefix: { target: format.target, origin: selection.origin, elem: elemsOf(entry) },
    update: leaves.map((leaf) => update(format, entry, leaf, [])),
  };
}

/** The answer to one path of a Get, leaf by leaf with whole paths; NOT_FOUND if it names an entry that is not there. */
export function got(atMs: number, format: Format, selection: Selection, entries: readonly Entry[]): Notification {
  const found = entries.flatMap((entry) => {
    const leaves = selection.leaves.filter(({ list }) => list === entry.list);
    return leaves.length > 0 && selects(selection, entry) ? [{ entry, leaves }] : [];
  });
  if (selection.keys.some((key) => key !== undefined) && found.length === 0) {
    throw new RpcError(status.NOT_FOUND, `${selection.text}: no such entry`);
  }
  return {
    timestamp: nanoseconds(atMs),
    prefix: { target: format.target, origin: selection.origin },
    update: found.flatMap(({ entry, leaves }) => leaves.map((leaf) => update(format, entry, leaf, elemsOf(entry)))),
  };
}

function update(format: Format, entry: Entry, leaf: Leaf, above: readonly PathElem[]) {
  const elem = [...above, ...leaf.path.map((name) => ({ name }))];
  return { path: { elem }, val: encode(leaf.read(entry), format.encoding) };
}

function elemsOf(entry: Entry): PathElem[] {
  const keys = [...entry.keys];
  return lists[entry.list].map(({ name, key }) =>
    key === undefined ? { name } : { name, key: { [key]: keys.shift() ?? "" } },
  );
}
