import { Environment } from "minijinja-js";
import { Failure } from "../kernel/failure.ts";

/** Template texts by name below `device-templates/`: `"openconfig/export-policy.xml.j2"`. */
export type TemplateFiles = ReadonlyMap<string, string>;

/** A template that needs more steps than this loops without end. */
const maxSteps = 1_000_000;

/**
 * Jinja2 templates for what is sent to routers. A name that ends in `.xml.j2` has its values escaped for XML; undefined
 * values fail. Throws Failure CONFIG_INVALID when a template is missing or wrong, CHANGE_UNSUPPORTED when a value cannot
 * stand where it would go.
 */
export class Templates {
  readonly #environment = new Environment();
  readonly #names: ReadonlySet<string>;

  constructor(files: TemplateFiles) {
    this.#environment.undefinedBehavior = "strict";
    this.#environment.keepTrailingNewline = true;
    this.#environment.trimBlocks = true;
    this.#environment.lstripBlocks = true;
    this.#environment.fuel = maxSteps;
    this.#names = new Set(files.keys());
    for (const [name, text] of files) {
      orInvalid(name, () => this.#environment.addTemplate(name, text));
    }
  }

  render(name: string, values: Record<string, unknown>): string {
    if (!this.#names.has(name)) {
      throw new Failure("CONFIG_INVALID", `there is no device template ${name}`, {
        mend: "restore the file below device-templates/",
      });
    }
    refuseUnsafe(values, name.endsWith(".xml.j2") ? isXmlText : isOneWord, name);
    return orInvalid(name, () => this.#environment.renderTemplate(name, values));
  }
}

function orInvalid<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n", 1)[0] : String(error);
    throw new Failure("CONFIG_INVALID", `device template ${name}: ${reason}`, {
      mend: "correct the template, or restore the one that came with this version",
      cause: error,
    });
  }
}

/** What XML 1.0 can carry and gives back unchanged (2.2; 2.11 turns a carriage return into a line feed). */
const isXmlText = (text: string) => /^[\t\n\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u.test(text);

/**
 * Command lines have no quoting that would make data safe, so a value is one word and holds nothing that the shell,
 * the router's line editor or its comments give a meaning to. A line feed would be a command of its own.
 */
const isOneWord = (text: string) => /^[A-Za-z0-9_.:/@+-]+$/.test(text);

function refuseUnsafe(value: unknown, allowed: (text: string) => boolean, template: string): void {
  if (typeof value === "string" && !allowed(value)) {
    throw new Failure("CHANGE_UNSUPPORTED", `${JSON.stringify(value)} cannot stand in ${template}`, {
      mend: "give it a name of letters, digits and _ . : / @ + - on the router and in the inventory",
    });
  }
  if (typeof value !== "object" || value === null) return;
  for (const inner of Object.values(value)) refuseUnsafe(inner, allowed, template);
}
