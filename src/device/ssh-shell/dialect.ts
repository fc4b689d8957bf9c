import type { Failure } from "../../kernel/failure.ts";
import type { DeviceStep } from "../../model/device.ts";
import type { ShellHost } from "./router-shell.ts";
import type { RouterFunctions } from "./trial-scripts.ts";

/** What sets one kind of router with a shell apart from another. */
export type Dialect = Readonly<{
  /** The command that is sent the payloads and whose words are quoted. */
  tool: string;
  /** What a payload edits, one of them. */
  unit: string;
  /** Debian packages that the scripts need beside util-linux, coreutils and mawk. */
  packages: string;
  /** A command that shows a person what is wrong with the account or the router. */
  look: string;
  functions: RouterFunctions;
  /** How running is made to outlive a reboot, where the platform has such a thing, and what a person can do when that is refused. */
  saving?: Readonly<{ functions: string; mend: string }>;
  /** CHANGE_UNSUPPORTED with the first line of either payload that is not ours to send. */
  unsupported(step: DeviceStep): Failure | undefined;
  /** Prints `running` and then what `select` reads; anything else is for `unreadable`. */
  readScript: string;
  /** What `query` names in what `readScript` or `tryOutScript` printed, in canonical form; undefined if that was cut short. */
  select(shown: string, query: string): string | undefined;
  unreadable(device: ShellHost, word: string, said: string): Failure;
  /**
   * state, documents on stdin: what the router would make of `basis` with `forward` on top, in a place of its own. Prints
   * `candidate` and that; or `syntax`, `apply` and the tool's words; `kills-at-logout`; anything else is for `cannotTryOut`.
   */
  tryOutScript: string;
  tryOutInput(step: DeviceStep): Readonly<Record<string, string>>;
  cannotTryOut(device: ShellHost, word: string, said: string): Failure | undefined;
  /** The part of the tool's output that says what is wrong. */
  errorIn(said: string): string;
}>;
