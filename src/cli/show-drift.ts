import type { Drift } from "../model/drift.ts";
import { colours, plain } from "./terminal.ts";

/** What someone else has made of confirmed changes; nothing where there is none. */
export const showDrift = (drift: readonly Drift[]): string[] =>
  drift.flatMap(({ section, changeId, sinceMs, diff }) => {
    const what = `someone else has changed what ${changeId} left, since ${new Date(sinceMs).toISOString()}`;
    return ["", colours.yellow(`DRIFT in ${plain(section)}: ${what}`), plain(diff)];
  });
