import { userInfo } from "node:os";
import Table from "cli-table3";
import pc from "picocolors";

const isTerminal = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
/** Colours, on a terminal only. */
export const colours = pc.createColors(isTerminal);

export function print(text: string): void {
  process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** For what is not the answer itself: progress and warnings. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Rows under a heading, two spaces apart and without borders, so that `grep` and `awk` work on it. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const bare = ["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"];
  const inner = ["left", "left-mid", "mid", "mid-mid", "right", "right-mid"];
  const made = new Table({
    head: head.map((cell) => colours.dim(cell)),
    chars: { ...Object.fromEntries([...bare, ...inner].map((part) => [part, ""])), middle: "  " },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  made.push(...rows.map((row) => [...row]));
  return made
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

export function colouredDiff(diff: string): string {
  const paint = (line: string) => {
    if (line.startsWith("+")) return colours.green(line);
    if (line.startsWith("-")) return colours.red(line);
    return line.startsWith("@@") ? colours.cyan(line) : line;
  };
  return diff.split("\n").map(paint).join("\n");
}

/** Control characters and changes of writing direction out of text that came from elsewhere, so that it cannot write on the operator's terminal. */
export function plain(text: string): string {
  return [...text]
    .filter((character) => character === "\n" || character === "\t" || !/[\p{Cc}\p{Bidi_Control}]/u.test(character))
    .join("");
}

/** Who is asking, for the audit log. */
export function whoAmI(): string {
  return userInfo().username;
}
