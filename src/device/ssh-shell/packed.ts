/** Named texts in one stream for the scripts' `unpack`; no checked line starts with `@@`. */
export function pack(documents: Readonly<Record<string, string>>): string {
  const parts = Object.entries(documents).map(([name, text]) => `@@ ${name}\n${withNewline(text)}`);
  return `${parts.join("")}@@ end\n`;
}

const withNewline = (text: string) => (text === "" || text.endsWith("\n") ? text : `${text}\n`);

/** Splits standard input into files of $1; `end` is there only if the stream came whole. */
export const unpack = `
unpack() {
  awk -v d="$1" '/^@@ [a-z-]+$/ { f = d "/" $2; printf "" > f; next } f != "" { print > f }'
  [ -e "$1/end" ]
}
`;
