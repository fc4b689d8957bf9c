import { accessSync, constants } from "node:fs";

/** What the real labs start, and the Debian package that brings it. */
const needed: Readonly<Record<string, string>> = {
  bash: "bash",
  chrt: "util-linux",
  ethtool: "ethtool",
  ip: "iproute2",
  iperf3: "iperf3",
  nft: "nftables",
  nsenter: "util-linux",
  ping: "iputils-ping",
  prometheus: "prometheus",
  "prometheus-node-exporter": "prometheus-node-exporter",
  "ssh-keygen": "openssh-client",
  ss: "iproute2",
  sshd: "openssh-server",
  tc: "iproute2",
  unshare: "util-linux",
  useradd: "passwd",
  vtysh: "frr",
  "/usr/lib/frr/bgpd": "frr",
  "/usr/lib/frr/ospf6d": "frr",
  "/usr/lib/frr/watchfrr": "frr",
  "/usr/lib/frr/zebra": "frr",
};

/** Throws one error that names everything missing, before anything is started. */
export function requireRealLab(): void {
  const missing = Object.entries(needed).filter(([binary]) => !isInstalled(binary));
  const reasons = missing.map(([binary, debian]) => `${binary} (apt-get install ${debian})`);
  if (process.getuid?.() !== 0) reasons.unshift("root, to make network namespaces");
  if (reasons.length > 0) throw new Error(`the real lab needs: ${reasons.join(", ")}. .ci/setup installs it all`);
}

function isInstalled(binary: string): boolean {
  const folders = binary.startsWith("/") ? [""] : ["/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"];
  return folders.some((folder) => {
    try {
      accessSync(folder + binary, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
