import { elements, textOf, type XmlElement } from "../../kernel/xml.ts";
import { cloneXml } from "./edit.ts";
import { schemaChild, schemaRoot } from "./schema.ts";
import type { SchemaNode } from "./schema-nodes.ts";

/** What may stand below a node; of what is in none of the modules served, nothing is known. */
type SchemaParent = Readonly<{ children: readonly SchemaNode[] }>;
const unknown: SchemaParent = { children: [] };

/**
 * The part of `config` that a subtree filter selects (RFC 6241 section 6), below a copy of its root. An element of the
 * filter that is in no namespace stands for any (section 6.2.1). Entries that are selected in part bring their keys
 * along, as section 6.2.5 allows: without them nobody could tell whose part it is.
 */
export function applyFilter(config: XmlElement, filter: XmlElement): XmlElement {
  return { ...config, children: [...selectChildren(config, elements(filter), schemaRoot).values()] };
}

/** Copies of the children that `wanted` selects, by the child each was made from. */
function selectChildren(
  parent: XmlElement,
  wanted: readonly XmlElement[],
  schema: SchemaParent,
): Map<XmlElement, XmlElement> {
  const selected = new Map<XmlElement, XmlElement>();
  for (const child of elements(parent)) {
    const filters = wanted.filter((node) => matchesNode(node, child));
    const picked = filters.length > 0 ? select(child, filters, schemaChild(schema, child)) : undefined;
    if (picked) selected.set(child, picked);
  }
  return selected;
}

/** What `filters`, which all match the node `data`, select of it together; undefined when that is nothing. */
function select(
  data: XmlElement,
  filters: readonly XmlElement[],
  schema: SchemaNode | undefined,
): XmlElement | undefined {
  const wanted: XmlElement[] = [];
  for (const filter of filters) {
    const below = elements(filter);
    if (below.length === 0) {
      if (isContentMatch(filter) && !hasText(data, filter)) continue;
      return cloneXml(data);
    }
    // Content match nodes decide for all their siblings, and alone they select everything beside them (section 6.2.5).
    const conditions = below.filter(isContentMatch);
    if (!conditions.every((condition) => holds(condition, data))) continue;
    if (conditions.length === below.length) return cloneXml(data);
    wanted.push(...below);
  }
  const selected = selectChildren(data, wanted, schema && schema.kind !== "leaf" ? schema : unknown);
  if (selected.size === 0) return undefined;
  const keys = schema?.kind === "list" ? schema.keys : [];
  const children = elements(data).flatMap((child) => {
    const picked = selected.get(child) ?? (keys.includes(child.name) ? cloneXml(child) : undefined);
    return picked ? [picked] : [];
  });
  return { ...data, children };
}

const isContentMatch = (filter: XmlElement) => elements(filter).length === 0 && textOf(filter).trim() !== "";

const holds = (condition: XmlElement, data: XmlElement) =>
  elements(data).some((child) => matchesNode(condition, child) && hasText(child, condition));

const hasText = (data: XmlElement, filter: XmlElement) =>
  elements(data).length === 0 && textOf(data).trim() === textOf(filter).trim();

/** Name, namespace and attributes. The wildcard is for elements only (section 6.2.1). */
const matchesNode = (filter: XmlElement, data: XmlElement) =>
  filter.name === data.name &&
  (filter.namespace === "" || filter.namespace === data.namespace) &&
  filter.attributes.every(({ name, namespace, value }) =>
    data.attributes.some((has) => has.name === name && has.namespace === namespace && has.value === value),
  );
