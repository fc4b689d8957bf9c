import { Failure } from "../../kernel/failure.ts";
import type { DeviceStep, Payload } from "../../model/device.ts";

/**
 * Only export policies are edited: route-maps, their statements, and prefix-lists. The words are checked whatever the indent,
 * because vtysh climbs to an outer node by itself when a line does not fit the one it is in. It also keeps the scratch bgpd that
 * a plan is tried in from ever opening a BGP session.
 */
const configLine =
  /^(no )?(route-map|ip prefix-list|ipv6 prefix-list|match|set|call|continue|on-match|description)( |$)/;
const closingLine = /^(exit|!.*)?$/;
const activateLine = /^clear [A-Za-z0-9 .:/-]+$/;

/** CHANGE_UNSUPPORTED with the first line of either payload that is not ours to send. */
export function unsupportedLine(step: DeviceStep): Failure | undefined {
  for (const payload of [step.forward, step.inverse]) {
    const line = foreignLine(payload);
    if (line === undefined) continue;
    return new Failure("CHANGE_UNSUPPORTED", `${step.device}: not a line for an export policy: ${line}`, {
      mend: "Only route-map, prefix-list and clear commands are sent to an FRR router",
    });
  }
  return undefined;
}

function foreignLine({ config, activate }: Payload): string | undefined {
  const unfit = (line: string) => !(configLine.test(line.trim()) || closingLine.test(line.trim()));
  const unprintable = (line: string) => /\p{Cc}/u.test(line);
  return (
    config.split("\n").find((line) => unfit(line) || unprintable(line)) ??
    activate.split("\n").find((line) => line !== "" && !activateLine.test(line))
  );
}
