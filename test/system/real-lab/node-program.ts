import type { Namespace, Running } from "./namespace.ts";

/**
 * A program of this folder in a machine of the lab; it says `ready` once it is. Ahead of everything else on this machine (SCHED_RR), because what
 * it measures is the network and not the wait for a processor.
 */
export function startNode(namespace: Namespace, program: URL, words: readonly string[]): Promise<Running> {
  const command = [
    "chrt",
    "--rr",
    "10",
    process.execPath,
    "--import",
    import.meta.resolve("tsx"),
    program.pathname,
    ...words,
  ];
  return namespace.start(command, /ready/);
}
