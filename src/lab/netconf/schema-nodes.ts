/** What a leaf may hold. `canonical` gives the one text for a value, or undefined when the value is not of this type. */
export type LeafType = Readonly<{ expects: string; canonical: (text: string) => string | undefined }>;

export type Named = Readonly<{ name: string; namespace: string }>;
export type Leaf = Named &
  Readonly<{
    kind: "leaf";
    type: LeafType /** The path of the list whose key the value must be. */;
    refersTo?: string;
  }>;
export type Container = Named & Readonly<{ kind: "container"; children: readonly SchemaNode[] }>;
/** `userOrdered` entries stay where the operator put them; others are kept in order of their keys. */
export type List = Named &
  Readonly<{ kind: "list"; keys: readonly string[]; userOrdered: boolean; children: readonly SchemaNode[] }>;
export type SchemaNode = Leaf | Container | List;

/** Makes the nodes of one YANG module. */
export function yangModule(namespace: string) {
  return {
    container: (name: string, ...children: SchemaNode[]): Container => ({
      kind: "container",
      name,
      namespace,
      children,
    }),
    leaf: (name: string, type: LeafType, refersTo?: string): Leaf =>
      refersTo === undefined
        ? { kind: "leaf", name, namespace, type }
        : { kind: "leaf", name, namespace, type, refersTo },
    list: (name: string, keys: string[], order: "by-key" | "by-user", ...children: SchemaNode[]): List => ({
      kind: "list",
      name,
      namespace,
      keys,
      userOrdered: order === "by-user",
      children,
    }),
  };
}

export const text: LeafType = { expects: "a text that is not empty", canonical: (value) => value || undefined };

export const oneOf = (...allowed: string[]): LeafType => ({
  expects: `one of ${allowed.join(", ")}`,
  canonical: (value) => (allowed.includes(value) ? value : undefined),
});

export const integer = (least: number, most: number): LeafType => ({
  expects: `a whole number from ${least} to ${most}`,
  canonical(value) {
    const number = /^[+-]?\d+$/.test(value) ? Number(value) : Number.NaN;
    return number >= least && number <= most ? String(number) : undefined;
  },
});
export const uint32 = integer(0, 4_294_967_295);

export const uint64: LeafType = {
  expects: "a 64-bit number",
  canonical(value) {
    const number = /^\+?\d+$/.test(value) ? BigInt(value.replace("+", "")) : undefined;
    return number !== undefined && number < 2n ** 64n ? String(number) : undefined;
  },
};
