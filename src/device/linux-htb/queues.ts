import { Failure } from "../../kernel/failure.ts";
import type { DeviceStep } from "../../model/device.ts";

/** Loopback has no line to wait for. */
const dev = "(?!lo(?: |$))([A-Za-z0-9][A-Za-z0-9_.-]{0,14})";
const figure = "\\d+(?:\\.\\d+)?";
const id = "(?:fff[df]|[1-9a-f][0-9a-f]?)";
const table = "inet pointsman-";
const plain = "(?:default|tbf [0-9a-f]{1,4}: rate \\d+[KMGT]?bit burst [0-9A-Za-z]+ lat [0-9.]+[mu]?s)";

/** Every line that may be sent, with its interface; `\1` is the same interface again. */
const commands = [
  `tc qdisc replace dev ${dev} root handle c8: htb default fffd`,
  `tc qdisc replace dev ${dev} root handle [0-9a-f]{1,4}: tbf rate \\d+[KMGT]?bit burst [0-9A-Za-z]+ latency [0-9.]+[mu]?s`,
  `tc qdisc del dev ${dev} root`,
  `tc qdisc replace dev ${dev} parent c8:${id} handle c8[0-9a-f]{2}: bfifo limit \\d+`,
  `tc class replace dev ${dev} parent c8: classid c8:fffe htb rate \\d+ ceil \\d+ quantum \\d+`,
  `tc class replace dev ${dev} parent c8:fffe classid c8:${id} htb rate \\d+ ceil \\d+ prio [0-7] quantum \\d+`,
  `tc class del dev ${dev} classid c8:${id}`,
  `nft (?:add|delete) table ${table}${dev}`,
  `nft add table ${table}${dev} { comment "before ${plain}" ; }`,
  `nft add chain ${table}${dev} classes { type filter hook postrouting priority 300 ; policy accept ; }`,
  `nft add rule ${table}${dev} classes oifname != "\\1" accept`,
  `nft add rule ${table}${dev} classes meta priority set c8:ffff comment "rate ${figure} control ${figure}"`,
  `nft add rule ${table}${dev} classes (?:icmpv6 type 133-137|ip6? dscp \\d{1,2}) meta priority set c8:fffd`,
  `nft add rule ${table}${dev} classes ip6? dscp \\d{1,2} meta priority set c8:${id} comment "rate ${figure} ceil ${figure} priority [0-7] marks ${figure} to ${figure}"`,
].map((each) => new RegExp(`^${each}$`));

/** What a payload says is read afterwards, and what a reading says that can be changed. */
const readings = [
  `${dev} plain ${plain}`,
  `${dev} htb rate ${figure} before ${plain}`,
  `${dev} control rate ${figure} quantum \\d+ limit \\d+`,
  `${dev} class ${id} dscp \\d{1,2} rate ${figure} ceil ${figure} prio [0-7] priority [0-7] quantum \\d+ marks ${figure} to ${figure}`,
].map((each) => new RegExp(`^${each}$`));

/** The interface that a line is for; undefined when it is not one that may be sent. */
export function interfaceOf(line: string): string | undefined {
  const all = line.startsWith("# ") ? readings : commands;
  const text = line.replace(/^# /, "");
  return all.map((each) => each.exec(text)?.[1]).find((found) => found !== undefined);
}

/**
 * The lines of the interfaces of `query` (one a line), interface by interface; each ends with a newline, and one that is not there reads
 * `missing`. `shown` is a script's output, whose last line is `end`: without it the answer was cut short, and there is no reading.
 */
export function selectQueues(shown: string, query: string): string | undefined {
  const lines = linesOf(shown);
  if (lines.pop() !== "end") return undefined;
  return linesOf(query)
    .flatMap((wanted) => {
      const found = lines.filter((line) => line.split(" ")[0] === wanted);
      return found.length > 0 ? found : [`${wanted} missing`];
    })
    .map((line) => `${line}\n`)
    .join("");
}

/**
 * CHANGE_UNSUPPORTED with what is not ours to send: a line that is not exactly one for our queues, or for an interface that is not queried;
 * a payload that does not say what is read on each of its interfaces afterwards, which the router checks before it goes back.
 */
export function unsupportedPayload(step: DeviceStep): Failure | undefined {
  const queried = new Set(linesOf(step.query));
  const refuse = (what: string, line: string) =>
    new Failure("CHANGE_UNSUPPORTED", `${step.device}: ${what}: ${line}`, {
      mend: "Only queues of handle c8: and tables called pointsman- and the interface are set, on links with qos",
    });
  for (const [{ config, activate }, reading] of [
    [step.forward, step.expected],
    [step.inverse, step.basis],
  ] as const) {
    const touched = new Set<string>();
    for (const line of linesOf(config)) {
      const found = interfaceOf(line);
      if (found === undefined) return refuse("not a line for queues of a link", line);
      if (!queried.has(found)) return refuse("an interface that is not read", line);
      touched.add(found);
    }
    const promised = linesOf(config).filter((line) => line.startsWith("# "));
    const due = linesOf(reading).filter((line) => touched.has(line.split(" ")[0] as string));
    const differs = due.findIndex((line, at) => promised[at] !== `# ${line}`);
    if (differs >= 0 || promised.length !== due.length) {
      return refuse(
        "a payload that leads to another reading than the step's",
        due[differs] ?? promised.at(-1) ?? "none",
      );
    }
    if (activate !== "") return refuse("there is nothing to activate", activate);
  }
  const strange = linesOf(step.basis).find((line) => readings.every((each) => !each.test(line)));
  return strange === undefined ? undefined : refuse("queues that are not ours cannot be changed", strange);
}

/** What `basis` with `forward` on top is tried out with. */
export function tryOutDocuments({ basis, forward, inverse }: DeviceStep): Readonly<Record<string, string>> {
  const touched = new Set(linesOf(forward.config).map(interfaceOf));
  const isTouched = (line: string) => touched.has(line.split(" ")[0]);
  const text = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join("");
  return {
    basis: text(linesOf(basis).filter(isTouched)),
    rest: text(linesOf(basis).filter((line) => !isTouched(line))),
    forward: forward.config,
    inverse: inverse.config,
  };
}

const linesOf = (text: string) => text.split("\n").filter((line) => line !== "");
