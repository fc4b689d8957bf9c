import type { Namespace, Running } from "./namespace.ts";

export type Edge = Readonly<{
  namespace: Namespace;
  /** On the management network. */
  address: string;
  link: string;
}>;

export type Login = Readonly<{ username: string; password: string; publicKey: string }>;

/** An account as an operator would make it: may use vtysh, owns Pointsman's state folder, nothing else. Returns the host key's fingerprint. */
export async function startSsh({ namespace, address }: Edge, login: Login): Promise<string> {
  const config = [
    `ListenAddress ${address}:22`,
    "HostKey /etc/ssh/lab_host_key",
    "AuthorizedKeysFile /etc/ssh/authorized_keys/%u",
    "PidFile /run/sshd.pid",
    "UsePAM no",
    "UseDNS no",
    "PasswordAuthentication yes",
    "PermitRootLogin no",
    "MaxStartups 200",
    "",
  ].join("\n");
  await namespace.run(["sh", "-c", "cat > /etc/ssh/lab_sshd_config"], config);
  await namespace.script(`
    useradd --no-create-home --home-dir /run --shell /bin/sh --groups frrvty ${login.username}
    install -d -m 0700 -o ${login.username} /var/lib/pointsman
    mkdir -p /etc/ssh/authorized_keys
    ssh-keygen -q -t ed25519 -N '' -C '' -f /etc/ssh/lab_host_key`);
  await namespace.run(["chpasswd", "-c", "SHA512"], `${login.username}:${login.password}\n`);
  await namespace.run(["sh", "-c", `cat > /etc/ssh/authorized_keys/${login.username}`], login.publicKey);
  await namespace.run(["/usr/sbin/sshd", "-f", "/etc/ssh/lab_sshd_config", "-E", "/run/sshd.log"]);
  const printed = await namespace.run(["ssh-keygen", "-lf", "/etc/ssh/lab_host_key.pub"]);
  const fingerprint = printed.split(" ")[1];
  if (!fingerprint?.startsWith("SHA256:")) throw new Error(`not a fingerprint: ${printed}`);
  return fingerprint;
}

/** Inbound octets per prefix as a flow collector would give them, and the interface counters, through node_exporter on port 9100. */
export async function startExporter({ namespace, address, link }: Edge, prefixes: readonly string[]): Promise<Running> {
  const counter = (prefix: string) => `in_${prefix.replace(/[./]/g, "_")}`;
  const rules = `
    table inet pointsman {
      ${prefixes.map((prefix) => `counter ${counter(prefix)} { packets 0 bytes 0 }`).join("\n      ")}
      chain inbound {
        type filter hook prerouting priority raw; policy accept;
        ${prefixes.map((prefix) => `iifname "eth1" ip daddr ${prefix} counter name ${counter(prefix)}`).join("\n        ")}
      }
    }`;
  await namespace.run(["nft", "-f", "-"], rules);
  // A rename, so that a scrape never sees half a file.
  const collect = `
    mkdir -p /run/textfile
    while sleep 0.25; do
      nft list counters table inet pointsman | awk -v link=${link} '
        BEGIN { print "# TYPE pointsman_prefix_bytes_total counter" }
        /counter in_/ { split($2, p, "_"); prefix = p[2] "." p[3] "." p[4] "." p[5] "/" p[6] }
        /bytes/ { printf "pointsman_prefix_bytes_total{link=\\"%s\\",prefix=\\"%s\\"} %s\\n", link, prefix, $4 }
      ' > /run/textfile/prefixes.next && mv /run/textfile/prefixes.next /run/textfile/prefixes.prom && echo written
    done`;
  const collector = await namespace.start(["bash", "-c", collect], /written/);
  const exporter = await namespace.start(
    [
      "prometheus-node-exporter",
      "--collector.disable-defaults",
      "--collector.netdev",
      "--collector.textfile",
      "--collector.textfile.directory=/run/textfile",
      `--web.listen-address=${address}:9100`,
    ],
    /Listening on|listening/i,
  );
  return {
    stop: async () => {
      await Promise.all([collector.stop(), exporter.stop()]);
    },
  };
}

/** A Prometheus that scrapes every edge once a second; it is reachable on the management network only. */
export async function startPrometheus(namespace: Namespace, address: string, edges: readonly Edge[]): Promise<Running> {
  const targets = edges.map(
    (edge) => `
      - targets: ["${edge.address}:9100"]
        labels: { instance: ${edge.namespace.name} }`,
  );
  const config = `global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - job_name: edges
    static_configs:${targets.join("")}
`;
  await namespace.script("mount -t tmpfs tmpfs /run; mkdir /run/prometheus");
  await namespace.run(["sh", "-c", "cat > /run/prometheus.yml"], config);
  return namespace.start(
    [
      "prometheus",
      "--config.file=/run/prometheus.yml",
      "--storage.tsdb.path=/run/prometheus",
      `--web.listen-address=${address}:9090`,
    ],
    /ready to receive web requests/,
  );
}
