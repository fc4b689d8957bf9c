import { type FaultKind, faultKinds } from "./faults.ts";
import type { Run, RunOptions } from "./simulate.ts";

/** Leaves out one kind of fault after another as long as the same invariant still breaks: what remains is needed to break it. */
export async function shrink(
  broken: Run,
  options: RunOptions,
  simulate: (options: RunOptions) => Promise<Run>,
): Promise<Readonly<{ run: Run; needed: readonly FaultKind[] }>> {
  const leftOut = new Set<FaultKind>();
  let smallest = broken;
  for (const kind of faultKinds) {
    const without = await simulate({ ...options, leftOut: new Set([...leftOut, kind]) });
    if (without.violation?.invariant !== broken.violation?.invariant) continue;
    leftOut.add(kind);
    smallest = without;
  }
  return { run: smallest, needed: faultKinds.filter((kind) => !leftOut.has(kind)) };
}

/** The last lines that are about what broke: the change it names, its routers, the controller and what others did. */
export function lastLines({ lines, violation }: Run, count = 40): string[] {
  const named = new Set(violation?.what.match(/\bc\d+\b/g) ?? []);
  const about = lines.filter(({ about, what }) => {
    const isOther = /^c\d+$/.test(about) && named.size > 0 && !named.has(about);
    return !isOther && !/^get-config$|^read$/.test(what);
  });
  return about.slice(-count).map(({ atMs, about, what }) => {
    return `${new Date(atMs).toISOString().slice(11, 23)} ${about.padEnd(12)} ${what}`;
  });
}
