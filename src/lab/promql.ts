/** A plain series selector: what the lab answers of PromQL. */
export type Selector = (labels: Readonly<Record<string, string>>) => boolean;

/** The query is not one that the lab answers; the message is for the client. */
export class QueryRefused extends Error {}

type Matcher = Readonly<{ label: string; operator: string; value: string }>;

/**
 * `name`, `name{label="value", other=~"regex"}` or `{…}`; `labels` of a series include `__name__`.
 * Throws QueryRefused for anything else: functions, ranges, offsets, arithmetic.
 * Source: Prometheus querying basics, instant vector selectors.
 */
export function parseSelector(query: string): Selector {
  const shape = /^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)?\s*(?:\{(.*)\})?\s*$/s.exec(query);
  const [, name, inBraces] = shape ?? [];
  if (!shape || (name === undefined && inBraces === undefined)) {
    throw new QueryRefused(`"${query}": only a plain series selector is answered here, such as name{label="value"}`);
  }
  const matchers = parseMatchers(query, inBraces ?? "");
  if (name !== undefined) {
    if (matchers.some(({ label }) => label === "__name__")) throw new QueryRefused(`"${query}": the name is set twice`);
    matchers.push({ label: "__name__", operator: "=", value: name });
  }
  const tests = matchers.map((matcher) => ({ label: matcher.label, test: tester(query, matcher) }));
  if (tests.every(({ test }) => test("")))
    throw new QueryRefused(`"${query}": some matcher must not match the empty text`);
  return (labels) => tests.every(({ label, test }) => test(labels[label] ?? ""));
}

const matcherShape =
  /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)\s*(,|$)/y;

function parseMatchers(query: string, text: string): Matcher[] {
  const matchers: Matcher[] = [];
  matcherShape.lastIndex = 0;
  let at = 0;
  while (text.slice(at).trim() !== "") {
    matcherShape.lastIndex = at;
    const match = matcherShape.exec(text);
    if (!match) throw new QueryRefused(`"${query}": no label matcher at "${text.slice(at)}"`);
    const [whole, label = "", operator = "", literal = ""] = match;
    matchers.push({ label, operator, value: unquote(query, literal) });
    at += whole.length;
  }
  return matchers;
}

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", "\\": "\\", '"': '"', "'": "'" };

function unquote(query: string, literal: string): string {
  const inside = literal.slice(1, -1);
  if (literal.startsWith("`")) return inside;
  return inside.replace(/\\(.)/gs, (_, escaped: string) => {
    const character = escapes[escaped];
    if (character === undefined) throw new QueryRefused(`"${query}": unknown escape \\${escaped}`);
    return character;
  });
}

function tester(query: string, { operator, value }: Matcher): (text: string) => boolean {
  if (operator === "=") return (text) => text === value;
  if (operator === "!=") return (text) => text !== value;
  let pattern: RegExp;
  try {
    pattern = new RegExp(`^(?:${value})$`, "s"); // anchored, as Prometheus does
  } catch {
    throw new QueryRefused(`"${query}": "${value}" is not a regular expression`);
  }
  return operator === "=~" ? (text) => pattern.test(text) : (text) => !pattern.test(text);
}
