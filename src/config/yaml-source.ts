import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  type YAMLError,
} from "yaml";
import { type Finding, fieldName, type Problem } from "./problem.ts";

/** One YAML document with its way back to lines and columns. */
export type YamlSource = Readonly<{
  file: string;
  value: unknown;
  /** Places a finding: at the field's own key, or at the nearest enclosing one when the field is missing. */
  locate(finding: Finding): Problem;
}>;

/**
 * All documents of a YAML 1.2 text (`---` between them). A text with a syntax error yields problems and no documents, since
 * what follows the error cannot be trusted; a key written twice is a problem, and the rest is still checked.
 */
export function readYaml(file: string, text: string): Readonly<{ sources: YamlSource[]; problems: Problem[] }> {
  const lines = new LineCounter();
  // Pretty errors would quote the line, and a line may hold a password that someone wrote where it does not belong.
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const problems: Problem[] = [];
  const sources: YamlSource[] = [];
  let legible = true;
  for (const document of parsed) {
    const broken = [...document.errors, ...document.warnings];
    problems.push(...broken.map((error) => syntaxProblem(file, text, lines, error)));
    legible &&= broken.every((error) => error.code === "DUPLICATE_KEY");
    if (!legible) continue;
    const source = toSource(file, lines, document);
    if ("value" in source) sources.push(source);
    else problems.push(source.problem);
  }
  return { sources: legible ? sources : [], problems };
}

function syntaxProblem(file: string, text: string, lines: LineCounter, error: YAMLError): Problem {
  const { line, col } = lines.linePos(error.pos[0]);
  const at = { file, line, column: col, field: "" };
  if (error.code === "DUPLICATE_KEY") {
    const key = /^[\w.-]+/.exec(text.slice(error.pos[0]))?.[0] ?? "a key";
    return { ...at, message: `"${key}" is written twice`, mend: "keep one of the two" };
  }
  // The parser quotes what it stumbled over after a colon; it stays out for the same reason.
  const what = error.message.replace(/: .*$/s, "");
  return { ...at, message: `not valid YAML: ${what}`, mend: mends[error.code] ?? "correct the syntax on this line" };
}

const mends: Readonly<Record<string, string>> = {
  BAD_INDENT: "align it with its neighbours",
  TAB_AS_INDENT: "indent with spaces",
  TAG_RESOLVE_FAILED: "take the tag away; plain YAML is enough here",
  NON_STRING_KEY: "write the field's name as plain text",
  BAD_ALIAS: "define the anchor before the alias, or write the value out",
  MISSING_CHAR: "close the quote or bracket",
};

function toSource(file: string, lines: LineCounter, document: Document.Parsed): YamlSource | { problem: Problem } {
  const place = (path: readonly PropertyKey[]) => {
    const { line, col } = lines.linePos(offsetOf(document, path));
    return { file, line, column: col };
  };
  try {
    return {
      file,
      value: document.toJS(),
      locate: ({ path, message, mend }) => ({ ...place(path), field: fieldName(path), message, mend }),
    };
  } catch (error) {
    // The parser refuses aliases that multiply: a small file that would fill the memory.
    if (!(error instanceof ReferenceError)) throw error;
    const problem = {
      ...place([]),
      field: "",
      message: "its aliases expand without end",
      mend: "write the values out",
    };
    return { problem };
  }
}

/** Offset in the text of the deepest part of `path` that exists: of a key in a map, of the item in a list. */
function offsetOf(document: Document.Parsed, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0] ?? document.range[0];
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === step);
      if (!pair) return offset;
      offset = (isNode(pair.key) ? pair.key.range?.[0] : undefined) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof step === "number") {
      const item = node.items[step];
      if (!isNode(item)) return offset;
      offset = item.range?.[0] ?? offset;
      node = item;
    } else return offset;
  }
  return offset;
}
