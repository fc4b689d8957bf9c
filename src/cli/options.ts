import { type Command, InvalidArgumentError } from "commander";
import { parseDurationMs } from "../kernel/units.ts";

/** Relative to where the command runs; or named by POINTSMAN_STATE. */
export const usualState = process.env.POINTSMAN_STATE ?? ".pointsman";

/** What every command knows: where the controller's state is, and whether a program is reading. */
export type Globals = Readonly<{ state: string; json: boolean }>;

/** The program's own options: commander takes them before the command's name and after it. */
export function globalsOf(command: Command): Globals {
  return command.optsWithGlobals<Globals>();
}

/** Reads an option's value; commander tells a person which option it was. */
export function wholeNumber(from: number, to: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= from && value <= to) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${from} to ${to}.`);
  };
}

/** Milliseconds. */
export function duration(text: string): number {
  const value = parseDurationMs(text);
  if (value) return value;
  throw new InvalidArgumentError("It must be a duration, such as 500ms, 1s or 2m.");
}
