import { elements, textOf, type XmlElement } from "../../kernel/xml.ts";
import { netconfNamespace, RpcError } from "./rpc-error.ts";

/** The children of an operation, each at most once and none that the operation does not know. */
export class Parameters {
  readonly #operation: XmlElement;
  readonly #byName = new Map<string, XmlElement>();

  /** Throws RpcError. `known` are names in the NETCONF namespace, or `{namespace}name` for a parameter that another module adds. */
  constructor(operation: XmlElement, known: readonly string[]) {
    this.#operation = operation;
    for (const child of elements(operation)) {
      const key = child.namespace === netconfNamespace ? child.name : `{${child.namespace}}${child.name}`;
      if (!known.includes(key)) {
        throw new RpcError("protocol", "unknown-element", `${operation.name} takes no ${child.name}`, {
          info: { "bad-element": child.name },
        });
      }
      if (this.#byName.has(key)) throw badElement(child.name, `${child.name} is there twice`);
      this.#byName.set(key, child);
    }
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  element(name: string): XmlElement | undefined {
    return this.#byName.get(name);
  }

  required(name: string): XmlElement {
    return this.#byName.get(name) ?? missingElement(name, `${this.#operation.name} needs ${name}`);
  }

  text(name: string): string | undefined {
    const element = this.#byName.get(name);
    if (!element) return undefined;
    const text = elements(element).length === 0 ? textOf(element).trim() : "";
    if (text === "") throw badElement(name, `${name} must hold a text`);
    return text;
  }

  oneOf<T extends string>(name: string, allowed: readonly T[]): T | undefined {
    const text = this.text(name);
    const value = allowed.find((known) => known === text);
    if (text !== undefined && value === undefined)
      throw badElement(name, `${name} must be one of ${allowed.join(", ")}`);
    return value;
  }

  /** A whole number from 1 to 4294967295. */
  positive(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const number = /^\d+$/.test(text) ? Number(text) : 0;
    if (number < 1 || number > 4_294_967_295)
      throw badElement(name, `${name} must be a whole number from 1 to 4294967295`);
    return number;
  }

  /** The one element inside a parameter that is a choice, such as `<source>`. */
  choice<T extends string>(name: string, allowed: readonly T[]): { chosen: T; element: XmlElement } {
    const [element, ...more] = elements(this.required(name));
    if (!element) return missingElement(allowed[0] ?? name, `${name} is empty: it takes ${allowed.join(" or ")}`);
    if (more.length > 0) throw badElement(name, `${name} takes one element`);
    const chosen = allowed.find((known) => known === element.name && element.namespace === netconfNamespace);
    if (chosen !== undefined) return { chosen, element };
    throw new RpcError("protocol", "unknown-element", `${this.#operation.name} offers no ${name} ${element.name}`, {
      info: { "bad-element": element.name },
    });
  }
}

function missingElement(name: string, message: string): never {
  throw new RpcError("protocol", "missing-element", message, { info: { "bad-element": name } });
}

export function badElement(name: string, message: string): RpcError {
  return new RpcError("protocol", "bad-element", message, { info: { "bad-element": name } });
}
