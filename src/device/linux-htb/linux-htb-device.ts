import { Failure } from "../../kernel/failure.ts";
import type { DevicePort } from "../../model/device.ts";
import type { Dialect } from "../ssh-shell/dialect.ts";
import type { ShellHost } from "../ssh-shell/router-shell.ts";
import { type ShellDeviceOptions, shellDevice } from "../ssh-shell/shell-device.ts";
import { selectQueues, tryOutDocuments, unsupportedPayload } from "./queues.ts";
import { htbFunctions, readQueues, tryOut } from "./router-scripts.ts";

const linuxHtb: Dialect = {
  tool: "tc or nft",
  unit: "queue",
  packages: "iproute2, nftables",
  look: "tc qdisc show",
  functions: htbFunctions,
  unsupported: unsupportedPayload,
  readScript: readQueues,
  select: selectQueues,
  unreadable: ({ name }, word, said) =>
    new Failure("DEVICE_PROTOCOL", `${name}: tc and nft could not be asked: ${readError(word, said)}`, {
      retry: "later",
      mend: "Check that iproute2 and nftables are installed, and that the account may use them",
    }),
  tryOutScript: tryOut,
  tryOutInput: tryOutDocuments,
  cannotTryOut,
  errorIn: toolError,
};

/**
 * A Linux router over SSH whose queues are HTB classes with a FIFO of so many bytes each, told apart by a table of nftables at
 * postrouting, which sees what is forwarded and what the router itself sends, IPv4 and IPv6. `read` gives those of the interfaces in
 * `query`. A change is tried out, and taken back, in a network namespace of its own.
 *
 * Fail-safe: queues that stand are changed in place, so nothing that waits is lost; only the first change and the last replace the
 * root, and then what waits there is dropped, as by any `tc qdisc replace`. Between root and classes, for a few milliseconds, HTB
 * sends what it has no class for unshaped. Nothing is made permanent: after a reboot there is one plain queue, the operator's.
 *
 * What stood at the root before is written in the comment of our table, and comes back when the queues are given up: the kernel's own
 * choice (handle 0:), or a plain `tbf`, with its handle. Anything else at the root is the operator's, and refused.
 *
 * The leaves are `bfifo`, which drops at its limit: RED with ECN marks wants sch_red, which not every kernel has (Linux 6.18 as
 * Debian's cloud images build it has not). Where marks would begin is kept, and read back, for what decides.
 *
 * Control traffic has a class of its own, c8:fffd, served before all: CS6 and CS7, neighbour discovery, and what is not IP (ARP, IS-IS,
 * MPLS), which nftables does not see here and HTB puts into its default class. IP without a class's DSCP goes with the last. The account needs CAP_NET_ADMIN, as for
 * `linux-srv6`: a second account with uid 0 and a key of its own is the plain way.
 */
export function linuxHtbDevice(options: ShellDeviceOptions): DevicePort {
  return shellDevice(options, linuxHtb);
}

function cannotTryOut({ name }: ShellHost, word: string, said: string): Failure | undefined {
  switch (word) {
    case "no-way-back":
      return new Failure(
        "DEVICE_UNSUPPORTED",
        `${name}: the change could not be taken back to exactly what is there now, but to: ${said.trim()}`,
        { mend: "Give the interface the kernel's default queue, or a tbf whose figures tc shows whole" },
      );
    case "no-scratch":
      return new Failure(
        "DEVICE_UNSUPPORTED",
        `${name}: cannot make a network namespace to try the change in: ${toolError(said)}`,
        { mend: "Let the account be root; the kernel needs veth, sch_htb and nf_tables" },
      );
    default:
      return undefined;
  }
}

const readError = (word: string, said: string) => (word === "failed" ? toolError(said) : "the output was cut short");

/** What `tc` or `nft` said, and at which line of the batch. */
function toolError(said: string): string {
  const lines = said
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const what = lines.find((line) => /Error:|RTNETLINK|^Illegal|^What is/.test(line)) ?? lines[0] ?? "";
  const at = /^Command failed \S+:(\d+)$/m.exec(said)?.[1];
  return at === undefined ? what : `${what} (line ${at})`;
}
