import { isIPv6 } from "node:net";
import { Failure } from "../../kernel/failure.ts";
import type { DeviceStep } from "../../model/device.ts";

/** A route of ours. `words` is its canonical text: `2001:db8:6::/64 metric 19 segs fc00:0:3::1,fc00:0:6::d6 dev eth1`. */
export type Route = Readonly<{ prefix: string; metric: number; segments: string; dev: string; words: string }>;

/** Loopback is no way out: the kernel takes a route by it for one that rejects. */
const deviceWord = "(?!lo )[A-Za-z0-9][A-Za-z0-9_.-]{0,14}";
const canonical = new RegExp(`^(\\S+) metric (\\d+) segs (\\S+) dev (${deviceWord.replace(" )", "$)")})$`);
const command = new RegExp(
  `^route (add|del) (\\S+) encap seg6 mode encap segs (\\S+) dev (${deviceWord}) proto 200 metric ([1-9]|1\\d)$`,
);

/** A line of a reading; undefined for a route of protocol 200 that has another shape. */
export function readRoute(line: string): Route | undefined {
  const [, prefix, metric, segments, dev] = canonical.exec(line) ?? [];
  if (prefix === undefined || segments === undefined || dev === undefined) return undefined;
  return { prefix, metric: Number(metric), segments, dev, words: line };
}

/** A line for `ip -6 -batch`; undefined when it is not one that may be sent. */
export function readCommand(line: string): Readonly<{ verb: string; route: Route }> | undefined {
  const [, verb, prefix, segments, dev, metric] = command.exec(line) ?? [];
  if (verb === undefined || prefix === undefined || segments === undefined || dev === undefined) return undefined;
  if (!isPrefix(prefix) || !segments.split(",").every(isCanonical)) return undefined;
  const words = `${prefix} metric ${metric} segs ${segments} dev ${dev}`;
  return { verb, route: { prefix, metric: Number(metric), segments, dev, words } };
}

export const addLine = ({ prefix, segments, dev, metric }: Route) =>
  `route add ${prefix} encap seg6 mode encap segs ${segments} dev ${dev} proto 200 metric ${metric}\n`;

/**
 * The lines for the prefixes of `query` (one a line), by prefix and metric; each ends with a newline. `shown` is a script's output,
 * whose last line is `end`: without it the answer was cut short, and there is no reading.
 */
export function selectRoutes(shown: string, query: string): string | undefined {
  const lines = shown.split("\n").filter((line) => line !== "");
  if (lines.pop() !== "end") return undefined;
  const wanted = new Set(wordsOf(query));
  const keyed = lines.map((line) => {
    const [prefix = "", , metric] = line.split(" ");
    return { line, prefix, metric: Number(metric) };
  });
  return keyed
    .filter(({ prefix }) => wanted.has(prefix))
    .sort((a, b) => compare(a.prefix, b.prefix) || a.metric - b.metric || compare(a.line, b.line))
    .map(({ line }) => `${line}\n`)
    .join("");
}

const compare = (a: string, b: string) => (a < b ? -1 : Number(a > b));

/**
 * CHANGE_UNSUPPORTED with what is not ours to send: a line that is not exactly a route of ours, for a prefix that is not queried, or an
 * `add` after a `del`, which would let traffic fall through for a moment. And when a queried prefix has a route of protocol 200 that
 * is not ours, for then the change cannot be tried out.
 */
export function unsupportedPayload(step: DeviceStep): Failure | undefined {
  const queried = new Set(wordsOf(step.query));
  const refuse = (what: string, line: string) =>
    new Failure("CHANGE_UNSUPPORTED", `${step.device}: ${what}: ${line}`, {
      mend: "Only routes of protocol 200 with a segment list are added and removed, for the flows' prefixes, additions first",
    });
  for (const { config, activate } of [step.forward, step.inverse]) {
    let removing = false;
    for (const line of linesOf(config)) {
      const parsed = readCommand(line);
      if (!parsed) return refuse("not a line for a route of a flow", line);
      if (!queried.has(parsed.route.prefix)) return refuse("a prefix that is not read", line);
      if (parsed.verb === "add" && removing) return refuse("a route added after one was removed", line);
      removing = parsed.verb === "del";
    }
    if (activate !== "") return refuse("there is nothing to activate", activate);
  }
  const strange = linesOf(step.basis).find((line) => !readRoute(line));
  return strange === undefined ? undefined : refuse("a route that is not ours has our protocol number", strange);
}

/** What `basis` with `forward` on top is tried out with. */
export function tryOutDocuments({ basis, forward }: DeviceStep): Readonly<Record<string, string>> {
  const standing = linesOf(basis).flatMap((line) => readRoute(line) ?? []);
  const touched = linesOf(forward.config).flatMap((line) => readCommand(line)?.route ?? []);
  const unique = (all: readonly string[]) => [...new Set(all)].map((word) => `${word}\n`).join("");
  return {
    basis: standing.map(addLine).join(""),
    forward: forward.config,
    prefixes: unique(touched.map(({ prefix }) => prefix)),
    // The scratch network needs all of them, the router those of the change.
    devices: unique([...touched, ...standing].map(({ dev }) => dev)),
    "forward-devices": unique(touched.map(({ dev }) => dev)),
  };
}

const linesOf = (text: string) => text.split("\n").filter((line) => line !== "");
const wordsOf = (text: string) => text.split(/\s+/).filter((word) => word !== "");

/**
 * As `ip` prints it (RFC 5952), so that a route can be found again by its text. What starts with `::` is never a segment or a
 * flow's prefix, and is where `ip` and RFC 5952 would differ.
 */
function isCanonical(address: string): boolean {
  return isIPv6(address) && !/[%.]|^::/.test(address) && new URL(`http://[${address}]`).hostname === `[${address}]`;
}

/** Without host bits: the kernel would clear them, and the route would not be found again. */
function isPrefix(text: string): boolean {
  const [, address = "", length = ""] = /^([0-9a-f:]+)\/([1-9]\d{0,2})$/.exec(text) ?? [];
  if (!isCanonical(address) || Number(length) > 128) return false;
  const groups = (side: string | undefined) => (side ? side.split(":") : []);
  const [left, right] = address.split("::").map(groups) as [string[], string[] | undefined];
  const zeros = Array<string>(8 - left.length - (right?.length ?? 0)).fill("0");
  const bits = [...left, ...zeros, ...(right ?? [])].map((group) =>
    Number.parseInt(group, 16).toString(2).padStart(16, "0"),
  );
  return !bits.join("").slice(Number(length)).includes("1");
}
