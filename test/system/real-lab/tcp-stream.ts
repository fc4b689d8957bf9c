import type { Namespace } from "./namespace.ts";

export type TcpStream = Readonly<{
  stop(): Promise<void>;
  /** Segments sent again since it began, as the sender's kernel counts them. */
  retransmissions(): Promise<number>;
}>;

type Ends = Readonly<{ from: Namespace; source: string; to: Namespace; target: string }>;

/** A real TCP stream of so many Mbit/s at most; resolves when it is connected. */
export async function startTcp({ from, source, to, target }: Ends, port: number, mbit: number): Promise<TcpStream> {
  const listening = await to.start(
    ["iperf3", "-s", "-1", "-B", target, "-p", String(port), "--forceflush"],
    /listening on/,
  );
  // Small writes: at 10 Mbit/s iperf3's usual 128 kB would come as bursts of a tenth of a second.
  const limits = ["-b", `${mbit}M`, "-l", "4K", "-t", "86400"];
  const sending = await from.start(
    ["iperf3", "-c", target, "-p", String(port), "-B", source, ...limits, "--forceflush"],
    /connected to/,
  );
  return {
    stop: async () => {
      await sending.stop();
      await listening.stop();
    },
    retransmissions: async () => {
      const shown = await from.run(["ss", "-Htin", `dport = :${port}`]);
      if (!shown.includes("segs_out:")) throw new Error(`no connection to port ${port}: ${shown}`);
      return [...shown.matchAll(/ retrans:\d+\/(\d+)/g)].reduce((sum, [, total]) => sum + Number(total), 0);
    },
  };
}
