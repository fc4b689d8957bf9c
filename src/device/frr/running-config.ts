/**
 * The sections of `show running-config` whose first line starts with the words of one of `query`'s lines, in the order shown.
 * A block keeps its body and its closing `exit`; `!` lines, blank lines and trailing white space are dropped, so that equality is
 * byte equality and the text can be given back to `vtysh -f`. Empty when nothing matches. Matching is by whole words: `route-map
 * OUT` does not name `route-map OUT-2`.
 */
export function selectSections(running: string, query: string): string {
  const wanted = query
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const kept: string[] = [];
  let inside = false;
  for (const line of running.split("\n").map((raw) => raw.trimEnd())) {
    if (line === "" || line.startsWith("!")) continue;
    const isBody = line.startsWith(" ") || /^exit(-\S+)?$/.test(line);
    if (!isBody) inside = wanted.some((words) => line === words || line.startsWith(`${words} `));
    if (inside) kept.push(line);
  }
  return kept.map((line) => `${line}\n`).join("");
}

/** `show running-config` ends with `end`: without it the answer was cut short. */
export function isWhole(running: string): boolean {
  return /(^|\n)end\s*$/.test(running);
}
