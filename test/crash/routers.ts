import { canonicalXml, elements, parseXml, textOf, type XmlElement } from "../../src/kernel/xml.ts";
import type { Lab } from "../../src/lab/lab.ts";
import { applyFilter } from "../../src/lab/netconf/subtree-filter.ts";
import type { Change } from "../../src/model/change.ts";
import type { DeviceStep } from "../../src/model/device.ts";

/** What a journaled step says of its router now: `both` is a configuration that does not show the step. */
export type Standing = "basis" | "expected" | "both" | "neither";

/** Where the router of a step stands, byte for byte, looked up in the lab and not over a session. */
export function standingOf(lab: Lab, step: DeviceStep): Standing {
  const text = running(lab, step);
  const [before, after] = [text === step.basis, text === step.expected];
  if (before && after) return "both";
  if (before) return "basis";
  return after ? "expected" : "neither";
}

/** Running configuration under the step's query, in the form in which `DevicePort.read` gives it. */
function running(lab: Lab, { device, query }: DeviceStep): string {
  const filter = parseXml(`<filter>${query}</filter>`);
  return elements(applyFilter(configuration(lab, device), filter))
    .filter(saysSomething)
    .map((child) => canonicalXml(child))
    .join("");
}

const saysSomething = (element: XmlElement): boolean =>
  element.attributes.length > 0 || textOf(element).trim() !== "" || elements(element).some(saysSomething);

function configuration(lab: Lab, device: string): XmlElement {
  const text = lab.configurations()[device];
  if (text === undefined) throw new Error(`the lab has no router ${device}`);
  return parseXml(text);
}

/** All of each router's running configuration, one text for one meaning. */
export function snapshot(lab: Lab): ReadonlyMap<string, string> {
  return new Map(Object.keys(lab.configurations()).map((device) => [device, canonicalXml(configuration(lab, device))]));
}

/** Every step of the change that does not stand where `allowed` says. */
export function misplaced(lab: Lab, change: Change, allowed: readonly Standing[]): string[] {
  return change.plan.steps.flatMap((step) => {
    const standing = standingOf(lab, step);
    if (standing === "both" || allowed.includes(standing)) return [];
    return [`${change.id} is ${change.state}, and ${step.device} is at ${standing}`];
  });
}
