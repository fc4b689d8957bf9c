import { Failure } from "../../kernel/failure.ts";
import type { DevicePort } from "../../model/device.ts";
import type { Dialect } from "../ssh-shell/dialect.ts";
import type { ShellHost } from "../ssh-shell/router-shell.ts";
import { type ShellDeviceOptions, shellDevice } from "../ssh-shell/shell-device.ts";
import { linuxFunctions, readRoutes, tryOut } from "./router-scripts.ts";
import { selectRoutes, tryOutDocuments, unsupportedPayload } from "./routes.ts";

const linuxSrv6: Dialect = {
  tool: "ip",
  unit: "route",
  packages: "iproute2",
  look: "ip -6 route show table main proto 200",
  functions: linuxFunctions,
  unsupported: unsupportedPayload,
  readScript: readRoutes,
  select: selectRoutes,
  unreadable: ({ name }, word, said) =>
    new Failure("DEVICE_PROTOCOL", `${name}: ip -6 route show failed: ${readError(word, said)}`, {
      retry: "later",
      mend: "Check that iproute2 5 or later is installed",
    }),
  tryOutScript: tryOut,
  tryOutInput: tryOutDocuments,
  cannotTryOut,
  errorIn: ipError,
};

/**
 * A Linux router over SSH whose SR policies are `ip -6 route … encap seg6` routes in table main, protocol 200. `read` gives those
 * of the prefixes in `query`; the IGP's routes are not part of it. A change is tried out in a network namespace of its own.
 *
 * Fail-safe: a change adds the new route above the one in use before it removes any, a prefix must have a route of another origin to fall
 * back on, and nothing is made permanent: after a reboot the IGP carries the traffic.
 *
 * The interface of such a route (Linux 6.18): it only has to be up, the packet leaves by the route to its first segment. Loopback will
 * not do, the kernel makes that a route that rejects. When the interface is taken down the kernel removes the route, the IGP
 * carries the traffic, and nothing brings the route back; losing its carrier alone changes nothing. zebra takes out its own route
 * to exactly a prefix that has one of ours, and puts it back only afterwards: the IGP must carry a shorter one.
 *
 * The account needs CAP_NET_ADMIN in its login session, `ip` keeps it only if it is inheritable or the user is root: a second account
 * with uid 0 and a key of its own is the plain way (`useradd -o -u 0`, `PermitRootLogin prohibit-password`). Without root, the scratch
 * namespace needs unprivileged user namespaces.
 */
export function linuxSrv6Device(options: ShellDeviceOptions): DevicePort {
  return shellDevice(options, linuxSrv6);
}

function cannotTryOut({ name }: ShellHost, word: string, said: string): Failure | undefined {
  switch (word) {
    case "no-fallback":
      return new Failure(
        "DEVICE_UNSUPPORTED",
        `${name}: ${said.trim()} has no route in the main table to fall back on: one that is not the default, and not zebra's to exactly this prefix`,
        { mend: "Let the IGP carry a shorter prefix that covers it, or add a static route beneath" },
      );
    case "no-seg6":
      return new Failure("DEVICE_UNSUPPORTED", `${name}: the kernel takes no seg6 route: ${ipError(said)}`, {
        mend: "Run a kernel with CONFIG_IPV6_SEG6_LWTUNNEL, and iproute2 5 or later",
      });
    case "no-scratch":
      return new Failure(
        "DEVICE_UNSUPPORTED",
        `${name}: cannot make a network namespace to try the change in: ${ipError(said)}`,
        { mend: "Let the account be root, or allow unprivileged user namespaces; the kernel needs veth" },
      );
    default:
      return undefined;
  }
}

const readError = (word: string, said: string) => (word === "failed" ? ipError(said) : "the output was cut short");

/** What `ip` said, and at which line of the batch. */
function ipError(said: string): string {
  const lines = said
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const what = lines.find((line) => /^(Error:|RTNETLINK)/.test(line)) ?? lines[0] ?? "";
  const at = /^Command failed \S+:(\d+)$/m.exec(said)?.[1];
  return at === undefined ? what : `${what} (line ${at})`;
}
