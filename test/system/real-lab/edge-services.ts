import type { Namespace, Running } from "./namespace.ts";

export type Machine = Readonly<{
  namespace: Namespace;
  /** On the management network. */
  address: string;
}>;

export type Login = Readonly<{ username: string; password: string; publicKey: string }>;

/** How `useradd` makes an account that may do what Pointsman does there, and no more. */
export const accounts = { frr: "--groups frrvty", root: "--non-unique --uid 0" } as const;

/** An account as an operator would make it, which owns Pointsman's state folder. Returns the host key's fingerprint. */
export async function startSsh(
  { namespace, address }: Machine,
  login: Login,
  account: keyof typeof accounts,
): Promise<string> {
  const config = [
    `ListenAddress ${address}:22`,
    "HostKey /etc/ssh/lab_host_key",
    "AuthorizedKeysFile /etc/ssh/authorized_keys/%u",
    "PidFile /run/sshd.pid",
    "UsePAM no",
    "UseDNS no",
    "PasswordAuthentication yes",
    "PermitRootLogin prohibit-password",
    "MaxStartups 200",
    "",
  ].join("\n");
  await namespace.run(["sh", "-c", "cat > /etc/ssh/lab_sshd_config"], config);
  await namespace.script(`
    useradd --no-create-home --home-dir /run --shell /bin/sh ${accounts[account]} ${login.username}
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

/**
 * The interface counters, and a metric that is printed for the textfile collector four times a second, through node_exporter on
 * port 9100. `nft` are the rules with the counters that `print` lists.
 */
export async function startExporter(
  { namespace, address }: Machine,
  metric: Readonly<{ nft: string; print: string }>,
): Promise<Running> {
  await namespace.run(["nft", "-f", "-"], metric.nft);
  // A rename, so that a scrape never sees half a file.
  const collect = `
    mkdir -p /run/textfile
    while sleep 0.25; do
      { ${metric.print}; } > /run/textfile/lab.next && mv /run/textfile/lab.next /run/textfile/lab.prom && echo written
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

/** A Prometheus that scrapes every machine once a second; it is reachable on the management network only. */
export async function startPrometheus(
  namespace: Namespace,
  address: string,
  machines: readonly Machine[],
): Promise<Running> {
  const targets = machines.map(
    (machine) => `
      - targets: ["${machine.address}:9100"]
        labels: { instance: ${machine.namespace.name} }`,
  );
  const config = `global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - job_name: routers
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
