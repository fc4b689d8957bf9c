import { elements, textOf, type XmlElement } from "../../kernel/xml.ts";
import { keysOf } from "./edit.ts";
import { type Path, RpcError } from "./rpc-error.ts";
import { schemaChild, schemaRoot } from "./schema.ts";
import type { SchemaNode } from "./schema-nodes.ts";

/**
 * What must hold of a whole configuration and is looked at on validate and commit, not on an edit (RFC 7950 section 8.3.3):
 * a reference leads to an entry that is there, and a list key repeats the leaf of that name in the entry's `config`. Both are leafrefs
 * in the models, so both fail as RFC 7950 section 15.5 says. Types, names and keys are settled when the edit is read (section 8.3.1).
 */
export function brokenConstraints(config: XmlElement): readonly RpcError[] {
  const entries = new Map<string, Set<string>>();
  const references: { list: string; value: string; path: Path }[] = [];
  const errors: RpcError[] = [];

  const visit = (element: XmlElement, schema: SchemaNode, above: Path): void => {
    const { name, namespace } = schema;
    const keys = schema.kind === "list" ? keysOf(schema, element) : [];
    const path = [...above, keys.length > 0 ? { name, namespace, keys } : { name, namespace }];
    if (schema.kind === "leaf") {
      if (schema.refersTo !== undefined) references.push({ list: schema.refersTo, value: textOf(element), path });
      return;
    }
    const config = elements(element).find((child) => child.name === "config" && child.namespace === namespace);
    for (const [key, value] of keys) {
      const copy = config && elements(config).find((child) => child.name === key && child.namespace === namespace);
      if (!copy || textOf(copy) !== value) {
        errors.push(
          instanceRequired(`config/${key} of this ${name} must be ${value}`, [...path, { name: key, namespace }]),
        );
      }
    }
    if (schema.kind === "list") {
      const list = path.map((step) => step.name).join("/");
      const known = entries.get(list) ?? new Set();
      entries.set(list, known.add(keys.map(([, value]) => value).join(" ")));
    }
    visitChildren(element, schema, path);
  };
  const visitChildren = (element: XmlElement, schema: Readonly<{ children: readonly SchemaNode[] }>, path: Path) => {
    for (const child of elements(element)) {
      const node = schemaChild(schema, child);
      if (node) visit(child, node, path);
    }
  };

  visitChildren(config, schemaRoot, []);
  for (const { list, value, path } of references) {
    if (!entries.get(list)?.has(value))
      errors.push(instanceRequired(`there is no ${list.split("/").at(-1)} ${value}`, path));
  }
  return errors;
}

const instanceRequired = (message: string, path: Path) =>
  new RpcError("application", "data-missing", message, { appTag: "instance-required", path });
