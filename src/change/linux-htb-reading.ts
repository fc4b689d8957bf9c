import { Failure } from "../kernel/failure.ts";
import type { Device } from "../model/inventory.ts";

/** One class of an interface's HTB, `id` as in `c8:1`; rates in bit/s, `quantum` in bytes. */
export type HtbClass = Readonly<{
  id: string;
  dscp: number;
  rate: number;
  ceil: number;
  /** HTB's own, 1 to 7. */
  prio: number;
  /** Of the service class. */
  priority: number;
  quantum: number;
  minBytes: number;
  maxBytes: number;
}>;

/** What is no class's, and not shaped with any: routing protocols, and all that is not IP. `limit` in bytes. */
export type HtbControl = Readonly<{ rate: number; quantum: number; limit: number }>;

export type Htb = Readonly<{ rate: number; control: HtbControl; classes: readonly HtbClass[] }>;

/**
 * What an interface sends through. `plain`: `default` for the kernel's own choice, or the operator's shaper,
 * `tbf 8001: rate 10Mbit burst 32Kb lat 50ms`. While `htb` stands in its place, what will be there again.
 */
export type Queueing = Readonly<{ dev: string; plain: string; htb?: Htb }>;

const number = String.raw`(\d+(?:\.\d+)?)`;
const plainLine = /^(\S+) plain (default|tbf .+)$/;
const htbLine = new RegExp(`^(\\S+) htb rate ${number} before (default|tbf .+)$`);
const controlLine = new RegExp(`^(\\S+) control rate ${number} quantum (\\d+) limit (\\d+)$`);
const classLine = new RegExp(
  `^(\\S+) class ([0-9a-f]+) dscp (\\d+) rate ${number} ceil ${number} prio ([0-7]) priority ([0-7]) quantum (\\d+) marks ${number} to ${number}$`,
);

/** Of every interface that was asked about, in that order. Throws Failure CHANGE_UNSUPPORTED for one that has something else. */
export function readQueueing(device: Device, reading: string): readonly Queueing[] {
  const found: Queueing[] = [];
  const lines = reading.split("\n").filter((each) => each !== "");
  for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
    const [, plainDev, plain] = plainLine.exec(line) ?? [];
    const [, dev, rate, before] = htbLine.exec(line) ?? [];
    const one = classOf(line);
    const last = found.at(-1);
    if (plainDev !== undefined && plain !== undefined) found.push({ dev: plainDev, plain });
    else if (dev !== undefined && before !== undefined) {
      const control = controlOf(dev, lines.shift());
      if (!control) throw strange(device, `${dev} partial no class for the network's own control traffic`);
      found.push({ dev, plain: before, htb: { rate: Number(rate), control, classes: [] } });
    } else if (one && last?.htb && last.dev === line.split(" ")[0]) {
      found[found.length - 1] = { ...last, htb: { ...last.htb, classes: [...last.htb.classes, one] } };
    } else throw strange(device, line);
  }
  return found;
}

/** As it is read; each line ends with a newline. */
export function linesOf({ dev, plain, htb }: Queueing): string[] {
  if (!htb) return [`${dev} plain ${plain}\n`];
  return [
    `${dev} htb rate ${htb.rate} before ${plain}\n`,
    `${dev} control rate ${htb.control.rate} quantum ${htb.control.quantum} limit ${htb.control.limit}\n`,
    ...htb.classes.map(
      ({ id, dscp, rate, ceil, prio, priority, quantum, minBytes, maxBytes }) =>
        `${dev} class ${id} dscp ${dscp} rate ${rate} ceil ${ceil} prio ${prio} priority ${priority} quantum ${quantum} marks ${minBytes} to ${maxBytes}\n`,
    ),
  ];
}

function controlOf(dev: string, line = ""): HtbControl | undefined {
  const [, of, ...values] = controlLine.exec(line) ?? [];
  const [rate, quantum, limit] = values.map(Number) as [number, number, number];
  return of === dev ? { rate, quantum, limit } : undefined;
}

function classOf(line: string): HtbClass | undefined {
  const [, dev, id, ...values] = classLine.exec(line) ?? [];
  if (dev === undefined || id === undefined) return undefined;
  const [dscp, rate, ceil, prio, priority, quantum, minBytes, maxBytes] = values.map(Number) as [
    ...[number, number, number, number],
    ...[number, number, number, number],
  ];
  return { id, dscp, rate, ceil, prio, priority, quantum, minBytes, maxBytes };
}

function strange(device: Device, line: string): Failure {
  const [dev = "", kind, ...words] = line.split(" ");
  if (kind === "missing") {
    return new Failure("CHANGE_UNSUPPORTED", `${device.name} has no interface ${dev}, or it is down`, {
      mend: "bring it up, or correct the link's interface in the inventory",
    });
  }
  return new Failure(
    "CHANGE_UNSUPPORTED",
    `${device.name} ${dev} has queues that are not Pointsman's: ${words.join(" ")}`,
    {
      mend: `take them off with tc qdisc del dev ${dev} root (and nft delete table inet pointsman-${dev}), or qos off the link; only the kernel's default and a plain tbf are replaced`,
    },
  );
}
