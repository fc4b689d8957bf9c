import type { Drift } from "../model/drift.ts";
import { colours, plain } from "./terminal.ts";

/** What someone else has made of confirmed changes; nothing where there is none. */
export const showDrift = (drift: readonly Drift[]): string[] =>
  drift.flatMap(({ section, changeId, sinceMs, values, diff }) => {
    const what = `someone else has changed ${values.join(", ")}, since ${new Date(sinceMs).toISOString()}; ${changeId} set it`;
    return ["", colours.yellow(`DRIFT in ${plain(section)}: ${plain(what)}`), plain(diff)];
  });

/** What confirmed changes have set and nobody looks after; nothing where there is none. */
export const showUnwatched = (unwatched: readonly string[]): string[] =>
  unwatched.map((what) => colours.yellow(`NOT WATCHED: ${plain(what)}: the inventory no longer has it`));
