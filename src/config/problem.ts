/** One thing wrong in a configuration file, and what to do about it. Never holds the value of a field that may be a secret. */
export type Problem = Readonly<{
  file: string;
  /** From 1, as editors count; 0 when the file as a whole is meant. */
  line: number;
  column: number;
  /** Path of the field, `"spec.decide.target"`, `"links[2].cost"`; empty when the file as a whole is meant. */
  field: string;
  message: string;
  mend: string;
}>;

/** `"pointsman.yaml:12:5 links[0].capacity: … ; …"`, in the form that editors and terminals make clickable; `"pointsman.yaml: … ; …"`. */
export function formatProblem({ file, line, column, field, message, mend }: Problem): string {
  const place = line === 0 ? `${file}:` : `${file}:${line}:${column}`;
  return `${place} ${field === "" ? "" : `${field}: `}${message}; ${mend}`;
}

/** What a rule found, before it has a place in the text. */
export type Finding = Readonly<{
  path: readonly PropertyKey[];
  message: string;
  mend: string;
}>;

export function fieldName(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (name, step) =>
      typeof step === "number" ? `${name}[${step}]` : name === "" ? String(step) : `${name}.${String(step)}`,
    "",
  );
}

/** In the order of the text; problems of several files keep the order in which the files came. */
export function inOrder(problems: readonly Problem[]): Problem[] {
  const files = [...new Set(problems.map(({ file }) => file))];
  return problems.toSorted(
    (a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column,
  );
}
