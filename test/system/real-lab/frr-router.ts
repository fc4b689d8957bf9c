import type { Namespace } from "./namespace.ts";
import { ownFolders } from "./own-folders.ts";

export type Neighbour = Readonly<{ address: string; as: number; exportPolicy?: string }>;

export type Router = Readonly<{
  as: number;
  /** Also the router id. */
  address: string;
  neighbours: readonly Neighbour[];
  /** Prefixes it originates; it must have a route to each. */
  networks: readonly string[];
  /** Export policy name to its statements. */
  policies?: Readonly<Record<string, readonly Statement[]>>;
}>;
/** `prepends` is how often the own AS is prepended to what the statement announces. */
type Statement = Readonly<{ prefix: string; prepends: number }>;

/** FRR's integrated configuration. Everything is accepted inbound, and outbound too where there is no export policy. */
export function frrConfig(name: string, { as, address, neighbours, networks, policies = {} }: Router): string {
  const bgp = [
    `router bgp ${as}`,
    ` bgp router-id ${address}`,
    " no bgp ebgp-requires-policy",
    // Slow enough that keepalives outlast the congestion on purpose on the small link.
    " timers bgp 3 9",
    " coalesce-time 0",
    ...neighbours.flatMap((n) => [
      ` neighbor ${n.address} remote-as ${n.as}`,
      ` neighbor ${n.address} timers connect 1`,
    ]),
    " address-family ipv4 unicast",
    ...networks.map((prefix) => `  network ${prefix}`),
    ...neighbours.flatMap((n) => [
      `  neighbor ${n.address} soft-reconfiguration inbound`,
      ...(n.exportPolicy ? [`  neighbor ${n.address} route-map ${n.exportPolicy} out`] : []),
    ]),
    " exit-address-family",
    "exit",
  ];
  const listName = (prefix: string) => `ONLY-${prefix.replace(/[./]/g, "-")}`;
  const statements = Object.entries(policies).flatMap(([policy, entries]) =>
    entries.flatMap(({ prefix, prepends }, index) => [
      `route-map ${policy} permit ${10 * (index + 1)}`,
      ` match ip address prefix-list ${listName(prefix)}`,
      ...(prepends > 0 ? [` set as-path prepend ${Array(prepends).fill(as).join(" ")}`] : []),
      "exit",
    ]),
  );
  const lists = [...new Set(Object.values(policies).flatMap((entries) => entries.map(({ prefix }) => prefix)))].map(
    (prefix) => `ip prefix-list ${listName(prefix)} seq 5 permit ${prefix}`,
  );
  return [`frr defaults traditional`, `hostname ${name}`, ...lists, ...statements, ...bgp, ""].join("\n");
}

/** FRR as Debian runs it, in a namespace whose /run, /etc, /tmp and /var/lib are its own. Interfaces and routes must be there. */
export async function startRouter(namespace: Namespace, config: string, daemons: readonly string[]): Promise<void> {
  await ownFolders(namespace);
  await namespace.script(`
    mkdir -m 755 /run/frr
    chown frr:frr /run/frr
    rm -f /etc/frr/*
    echo 'service integrated-vtysh-config' > /etc/frr/vtysh.conf`);
  await namespace.run(["sh", "-c", "cat > /etc/frr/frr.conf"], config);
  await namespace.script(`
    chown frr:frr /etc/frr/*; chmod 640 /etc/frr/*
    for daemon in zebra ${daemons.join(" ")}; do /usr/lib/frr/$daemon -d -A 127.0.0.1 -P 0 >/dev/null; done
    vtysh -b >/dev/null
    # Does \`write memory\` for accounts that may not write /etc/frr, as on any Debian router.
    /usr/lib/frr/watchfrr -d zebra ${daemons.join(" ")} >/dev/null`);
}
