import { cable, type Namespace } from "./namespace.ts";

/** h1 sends through r1 to h2; r1's way to h2, `r1-h2`, is the narrow place. */
export type QosMachines = Readonly<Record<"h1" | "r1" | "h2", Namespace>>;

export const link = { name: "r1-h2", interface: "eth2", mbit: 10 } as const;
/** Of r1, towards h2: as an operator would shape to what the line carries. */
export const shaper = "root tbf rate 10mbit burst 32kb latency 100ms";

/** h1's and h2's addresses. */
export const ends = { sender: "10.1.0.2", receiver: "10.2.0.2" } as const;
export const ports = { probe: 7_000, flood: 7_001 } as const;

/** By DSCP; what has another is batch, as it is for Pointsman's last class. */
export const classes = [
  { name: "interactive", dscp: 46, priority: 0 },
  { name: "batch", dscp: 8, priority: 7 },
] as const;

export async function wireQos({ h1, r1, h2 }: QosMachines): Promise<void> {
  await Promise.all([cable(h1, "eth1", r1, "eth1"), cable(r1, "eth2", h2, "eth1")]);
  await Promise.all([
    h1.script(`ip address add ${ends.sender}/24 dev eth1; ip route add default via 10.1.0.1`),
    r1.script(`
      ip address add 10.1.0.1/24 dev eth1
      ip address add 10.2.0.1/24 dev eth2
      tc qdisc add dev eth2 ${shaper}`),
    h2.script(`ip address add ${ends.receiver}/24 dev eth1; ip route add default via 10.2.0.1`),
    h1.run(["nft", "-f", "-"], marking),
  ]);
  // By DSCP before the queue, as r1 forwards it, and after it, as the next hop takes it; the flood ends there, and nobody answers it.
  await Promise.all([
    r1.run(["nft", "-f", "-"], counting("offered", "postrouting", 'oifname "eth2"', "")),
    h2.run(["nft", "-f", "-"], counting("carried", "prerouting", 'iifname "eth1"', `udp dport ${ports.flood} drop`)),
  ]);
}

// Node cannot set a socket's DSCP.
const marking = `
  table inet lab {
    chain marking {
      type filter hook output priority mangle; policy accept;
      udp dport ${ports.probe} ip dscp set ${classes[0].dscp}
      udp dport ${ports.flood} ip dscp set ${classes[1].dscp}
    }
  }`;

const counting = (what: string, hook: string, where: string, then: string) => `
  table inet lab {
    counter ${what}_interactive { packets 0 bytes 0 }
    counter ${what}_batch { packets 0 bytes 0 }
    chain counting {
      type filter hook ${hook} priority 100; policy accept;
      ${where} ip dscp ${classes[0].dscp} counter name ${what}_interactive accept
      ${where} counter name ${what}_batch
      ${then}
    }
  }`;

const counters = (what: string) => `
  echo "# TYPE queue_${what}_bytes_total counter"
  nft list counters table inet lab | awk '
    $1 == "counter" { sub(/^${what}_/, "", $2); class = $2 }
    $3 == "bytes" { printf "queue_${what}_bytes_total{link=\\"${link.name}\\",class=\\"%s\\"} %s\\n", class, $4 }'`;

/** What h2 prints when it is scraped. */
export const carriedMetrics = counters("carried");

/**
 * What r1 prints when it is scraped: what it was offered, by class; what stands in the queue of each class, which is all that stands there while
 * all share one; and the interface's own counters.
 */
export const offeredMetrics = `${counters("offered")}
  echo "# TYPE queue_depth_bytes gauge"
  tc -s -j qdisc show dev ${link.interface} | tr '{' '\\n' | awk '
    /"kind"/ { class = /"parent":"c8:1"/ ? "interactive" : /"parent":"c8:ffff"/ ? "batch" : /"root":true/ ? "all" : "" }
    match($0, /"backlog":[0-9]+/) { depth[class] = substr($0, RSTART + 10, RLENGTH - 10) }
    END {
      split("interactive batch", classes, " ")
      for (i = 1; i <= 2; i++) {
        own = classes[i] in depth ? classes[i] : "all"
        printf "queue_depth_bytes{link=\\"${link.name}\\",class=\\"%s\\"} %s\\n", classes[i], depth[own]
      }
    }'
  for way in rx tx; do
    echo "# TYPE link_$way""_bytes_total counter"
    echo "link_$way""_bytes_total{link=\\"${link.name}\\"} $(cat /sys/class/net/${link.interface}/statistics/$way""_bytes)"
  done`;
