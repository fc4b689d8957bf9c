import { elements, textOf, type XmlElement } from "../../kernel/xml.ts";
import { netconfNamespace, type Path, type PathStep, RpcError } from "./rpc-error.ts";
import { isKnownNamespace, schemaChild, schemaRoot } from "./schema.ts";
import type { Leaf, List, SchemaNode } from "./schema-nodes.ts";

const editOperations = ["merge", "replace", "create", "delete", "remove", "none"] as const;
type EditOperation = (typeof editOperations)[number];
export type DefaultOperation = "merge" | "replace" | "none";

type SchemaParent = Readonly<{ children: readonly SchemaNode[] }>;

/**
 * `config` with the content of `edit` applied (RFC 6241 section 7.2); `config` itself is left as it was. Elements outside the
 * schema stay in the result untouched. The text of the result depends only on what is configured, not on how it came to be:
 * siblings stand in schema order, entries in key order unless the operator orders them, and containers with nothing in them
 * are left out (RFC 7950 section 7.5.1). After an error nothing more is done, unless `continueOnError`; what was done stands.
 */
export function applyEdit(
  config: XmlElement,
  edit: XmlElement,
  defaultOperation: DefaultOperation,
  continueOnError = false,
): { config: XmlElement; errors: readonly RpcError[] } {
  const run = new Edit(continueOnError);
  const result = cloneXml(config);
  try {
    if (defaultOperation === "replace") run.clear(result);
    run.children(result, schemaRoot, edit, defaultOperation, []);
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    run.errors.push(error);
  }
  run.writeBack();
  prune(result, schemaRoot);
  return { config: result, errors: run.errors };
}

class Edit {
  readonly errors: RpcError[] = [];
  readonly #continueOnError: boolean;
  /** Children of the parents touched so far, by identity: an edit of many entries looks each up without a search. */
  readonly #touched = new Map<XmlElement, { schema: SchemaParent; byIdentity: Map<string, XmlElement> }>();

  constructor(continueOnError: boolean) {
    this.#continueOnError = continueOnError;
  }

  /** Takes away all that the schema knows. */
  clear(root: XmlElement): void {
    const known = this.#childrenOf(root, schemaRoot);
    for (const [identity, child] of known) if (schemaChild(schemaRoot, child)) known.delete(identity);
  }

  children(target: XmlElement, schema: SchemaParent, edit: XmlElement, inherited: EditOperation, path: Path): void {
    const stray = edit.children.find((child) => typeof child === "string" && child.trim() !== "");
    if (stray !== undefined) {
      throw new RpcError("application", "bad-element", `text where only elements can be: ${String(stray).trim()}`, {
        path,
        info: { "bad-element": edit.name },
      });
    }
    for (const child of elements(edit)) {
      try {
        this.#node(target, schema, child, inherited, path);
      } catch (error) {
        if (!this.#continueOnError || !(error instanceof RpcError)) throw error;
        this.errors.push(error);
      }
    }
  }

  #node(parent: XmlElement, parentSchema: SchemaParent, edit: XmlElement, inherited: EditOperation, above: Path): void {
    const schema = schemaChild(parentSchema, edit);
    if (!schema) throw unknownElement(edit, above);
    const path = [...above, pathStep(schema, edit, above)];
    const operation = operationOf(edit, path) ?? inherited;
    const siblings = this.#childrenOf(parent, parentSchema);
    const identity = identityOf(schema, edit);
    const existing = siblings.get(identity);

    if (operation === "delete" || operation === "remove") {
      if ("keys" in parentSchema && (parentSchema as List).keys.includes(edit.name)) {
        throw new RpcError("application", "bad-attribute", `${edit.name} is a key: it goes with its entry only`, {
          path,
          info: { "bad-attribute": "operation", "bad-element": edit.name },
        });
      }
      if (!existing && operation === "delete") throw dataMissing(path);
      siblings.delete(identity);
      return;
    }
    if (existing && operation === "create") {
      throw new RpcError("application", "data-exists", `${edit.name} is there already`, {
        path,
        info: { "bad-element": edit.name },
      });
    }
    // A non-presence container is always there in meaning (RFC 7950 section 7.5.1).
    if (!existing && operation === "none" && schema.kind !== "container") throw dataMissing(path);

    if (schema.kind === "leaf") {
      if (operation !== "none") siblings.set(identity, leafElement(schema, edit, path));
      return;
    }
    const node = existing ?? { name: edit.name, namespace: edit.namespace, attributes: [], children: [] };
    siblings.set(identity, node);
    if (operation === "replace") this.#childrenOf(node, schema).clear();
    this.children(node, schema, edit, operation, path);
  }

  #childrenOf(parent: XmlElement, schema: SchemaParent): Map<string, XmlElement> {
    let entry = this.#touched.get(parent);
    if (!entry) {
      entry = { schema, byIdentity: new Map() };
      for (const [index, child] of elements(parent).entries()) {
        const node = schemaChild(schema, child);
        entry.byIdentity.set(node ? identityOf(node, child) : `outside the schema ${index}`, child);
      }
      this.#touched.set(parent, entry);
    }
    return entry.byIdentity;
  }

  writeBack(): void {
    for (const [parent, { schema, byIdentity }] of this.#touched) {
      const ranked = [...byIdentity].map(([identity, child]) => {
        const node = schemaChild(schema, child);
        const rank = node ? schema.children.indexOf(node) : schema.children.length;
        return { child, rank, key: node?.kind === "list" && !node.userOrdered ? orderOf(identity) : "" };
      });
      ranked.sort((a, b) => a.rank - b.rank || (a.key < b.key ? -1 : Number(a.key > b.key)));
      parent.children.length = 0;
      for (const { child } of ranked) parent.children.push(child);
    }
  }
}

export function cloneXml(element: XmlElement): XmlElement {
  const children = element.children.map((child) => (typeof child === "string" ? child : cloneXml(child)));
  return { ...element, children };
}

/** What tells a node from its siblings: its name, and for an entry of a list its keys. */
function identityOf(schema: SchemaNode, element: XmlElement): string {
  const keys = schema.kind === "list" ? keysOf(schema, element).map(([, value]) => value) : [];
  return JSON.stringify([schema.namespace, schema.name, ...keys]);
}

/** A text that sorts entries of one list by their keys, and keys that are numbers as numbers. */
function orderOf(identity: string): string {
  const longestNumber = 20; // digits of a 64-bit one
  return identity.replaceAll(/"(\d+)"/g, (_, digits: string) => `"${digits.padStart(longestNumber, "0")}"`);
}

/** Keys of an entry, in canonical form where they have one. A key that is not there reads as empty. */
export function keysOf(list: List, entry: XmlElement): [string, string][] {
  return list.keys.map((key) => {
    const leaf = elements(entry).find(({ name, namespace }) => name === key && namespace === list.namespace);
    const text = leaf ? textOf(leaf).trim() : "";
    const schema = leaf && schemaChild(list, leaf);
    return [key, (schema?.kind === "leaf" ? schema.type.canonical(text) : undefined) ?? text];
  });
}

/** Where `edit` stands. Throws when an entry lacks a key: nothing can be said of it then. */
function pathStep(schema: SchemaNode, edit: XmlElement, above: Path): PathStep {
  const step = { name: schema.name, namespace: schema.namespace };
  if (schema.kind !== "list") return step;
  const keys = keysOf(schema, edit);
  const missing = keys.find(([, value]) => value === "");
  if (!missing) return { ...step, keys };
  throw new RpcError("application", "missing-element", `${edit.name} has no key ${missing[0]}`, {
    path: [...above, step],
    info: { "bad-element": missing[0] },
  });
}

function operationOf(edit: XmlElement, path: Path): EditOperation | undefined {
  let operation: EditOperation | undefined;
  for (const { name, namespace, value } of edit.attributes) {
    if (name !== "operation" || namespace !== netconfNamespace) {
      throw new RpcError(
        "application",
        "unknown-attribute",
        `${edit.name} has an attribute ${name} that means nothing`,
        {
          path,
          info: { "bad-attribute": name, "bad-element": edit.name },
        },
      );
    }
    operation = editOperations.find((known) => known === value && known !== "none");
    if (!operation) {
      throw new RpcError("application", "bad-attribute", `there is no operation ${value}`, {
        path,
        info: { "bad-attribute": name, "bad-element": edit.name },
      });
    }
  }
  return operation;
}

function leafElement(schema: Leaf, edit: XmlElement, path: Path): XmlElement {
  const inside = elements(edit)[0];
  if (inside) throw unknownElement(inside, path);
  const value = schema.type.canonical(textOf(edit).trim());
  if (value === undefined) {
    throw new RpcError("application", "invalid-value", `${edit.name} must be ${schema.type.expects}`, { path });
  }
  return { name: schema.name, namespace: schema.namespace, attributes: [], children: [value] };
}

function unknownElement(element: XmlElement, above: Path): RpcError {
  const path = [...above, { name: element.name, namespace: element.namespace }];
  const bad = { "bad-element": element.name };
  return isKnownNamespace(element.namespace)
    ? new RpcError("application", "unknown-element", `no ${element.name} can be configured here`, { path, info: bad })
    : new RpcError("application", "unknown-namespace", `no module has the namespace of ${element.name}`, {
        path,
        info: { ...bad, "bad-namespace": element.namespace },
      });
}

function dataMissing(path: Path): RpcError {
  return new RpcError("application", "data-missing", `there is no ${path.at(-1)?.name}`, { path });
}

/** Leaves out containers that hold nothing, from the bottom up. */
function prune(parent: XmlElement, schema: SchemaParent): void {
  const kept = parent.children.filter((child) => {
    const node = typeof child === "string" ? undefined : schemaChild(schema, child);
    if (typeof child === "string" || !node || node.kind === "leaf") return true;
    prune(child, node);
    return node.kind === "list" || child.children.length > 0;
  });
  parent.children.length = 0;
  for (const child of kept) parent.children.push(child);
}
