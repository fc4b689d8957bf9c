import { type Command, InvalidArgumentError } from "commander";
import { parseDurationMs } from "../kernel/units.ts";

/** Relative to where the command runs; or named by POINTSMAN_STATE. */
export const usualState = process.env.POINTSMAN_STATE ?? ".pointsman";

/** What every command knows: where the controller is, the token to use there, and whether a program is reading. */
export type Globals = Readonly<{ state: string; url?: string; tokenFile?: string; json: boolean }>;

export const asHelp = "who asks, for the audit log (default: the token's name, or else your user name)";

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

/** An http or https URL. */
export function address(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new InvalidArgumentError("It must be a URL, such as https://pointsman.example.net:8443.");
}

/** Milliseconds. */
export function duration(text: string): number {
  const value = parseDurationMs(text);
  if (value) return value;
  throw new InvalidArgumentError("It must be a duration, such as 500ms, 1s or 2m.");
}
