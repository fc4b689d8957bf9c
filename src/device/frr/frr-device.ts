import { Failure } from "../../kernel/failure.ts";
import type { DevicePort } from "../../model/device.ts";
import type { Dialect } from "../ssh-shell/dialect.ts";
import { type ShellDeviceOptions, shellDevice } from "../ssh-shell/shell-device.ts";
import { unsupportedLine } from "./payload.ts";
import { frrFunctions, readRunning, saveFunctions, tryOut } from "./router-scripts.ts";
import { isWhole, selectSections } from "./running-config.ts";

const frr: Dialect = {
  tool: "vtysh",
  unit: "statement",
  packages: "frr",
  look: "vtysh -c 'show running-config'",
  functions: frrFunctions,
  saving: {
    functions: saveFunctions,
    mend: "Make `write memory` work for this account: watchfrr running, or /etc/frr writable by it",
  },
  unsupported: unsupportedLine,
  readScript: readRunning,
  select: (shown, query) => (isWhole(shown) ? selectSections(shown, query) : undefined),
  unreadable: ({ name }, word, said) =>
    new Failure("DEVICE_PROTOCOL", `${name}: show running-config failed: ${readError(word, said)}`, {
      retry: "later",
      mend: "Check that the FRR daemons run and that the account is in the group frrvty",
    }),
  tryOutScript: tryOut,
  tryOutInput: ({ basis, forward }) => ({ basis, forward: forward.config }),
  cannotTryOut: ({ name }, word, said) =>
    word === "no-bgpd"
      ? new Failure(
          "DEVICE_UNSUPPORTED",
          `${name}: cannot start a bgpd of its own to try the change in: ${vtyshError(said)}`,
          { mend: "Install frr with bgpd executable for the account (Debian: /usr/lib/frr/bgpd)" },
        )
      : undefined,
  errorIn: vtyshError,
};

/**
 * An FRR router (8 or later) over SSH. FRR has no candidate: that is a second bgpd that touches nothing, and the revert gives
 * `inverse` to vtysh. The startup configuration is written on `confirm`, never before: a reboot during a trial reverts it too.
 */
export function frrDevice(options: ShellDeviceOptions): DevicePort {
  return shellDevice(options, frr);
}

/** Why a reading of running failed. It may be half of the configuration, with its passwords: only vtysh's own words are told. */
function readError(word: string, said: string): string {
  const error = word === "failed" ? said.split("\n").find((line) => /^(line \d+: )?%/.test(line)) : undefined;
  return error ?? "the output was cut short";
}

/** The line of vtysh's output that says what is wrong: a syntax error's, or the YANG layer's description. */
function vtyshError(said: string): string {
  const lines = said.split("\n").map((line) => line.trim());
  const errors = lines.filter((line) => line.includes("%") && !line.includes("vtysh.conf"));
  const described = lines.find((line) => line.startsWith("Error description:"));
  return errors.find((line) => line.startsWith("line ")) ?? described ?? errors[0] ?? lines[0] ?? "";
}
