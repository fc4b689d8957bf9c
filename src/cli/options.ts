import type { Command } from "commander";

/** Relative to where the command runs; or named by POINTSMAN_STATE. */
export const usualState = process.env.POINTSMAN_STATE ?? ".pointsman";

/** What every command knows: where the controller's state is, and whether a program is reading. */
export type Globals = Readonly<{ state: string; json: boolean }>;

/** The program's own options: commander takes them before the command's name and after it. */
export function globalsOf(command: Command): Globals {
  return command.optsWithGlobals<Globals>();
}
