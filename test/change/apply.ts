import { canonicalXml, elements, parseXml } from "../../src/kernel/xml.ts";
import { applyEdit } from "../../src/lab/netconf/edit.ts";
import type { Payload } from "../../src/model/device.ts";
import type { Platform } from "../../src/model/inventory.ts";

/** What the router reads after a payload, by a second opinion: the lab's edit-config, or a small vtysh. */
export function apply(platform: Platform, basis: string, payload: Payload): string {
  return platform === "frr" ? applyVtysh(basis, payload.config) : applyNetconf(basis, payload.config);
}

function applyNetconf(basis: string, config: string): string {
  const netconf = 'xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"';
  const edit = parseXml(`<config ${netconf}>${config}</config>`);
  const result = applyEdit(parseXml(`<data ${netconf}>${basis}</data>`), edit, "merge");
  if (result.errors.length > 0) throw new Error(JSON.stringify(result.errors));
  return elements(result.config)
    .map((child) => canonicalXml(child))
    .join("");
}

/** `vtysh -f` of route-map entries: a `set` takes the place of one of its kind, and lines are shown in the order of their bytes. */
function applyVtysh(basis: string, config: string): string {
  const blocks = basis.split(/^(?=route-map )/m);
  const commands = config.split("\n").filter((line) => line !== "");
  let at = -1;
  for (const command of commands) {
    if (command.startsWith("route-map ")) {
      at = blocks.findIndex((block) => block.startsWith(`${command}\n`));
      if (at < 0) throw new Error(`a new entry: ${command}`);
    } else if (command !== "exit") {
      const [head = "", ...body] = (blocks[at] ?? "").trimEnd().split("\n");
      const kept = body.filter((line) => line !== "exit" && !line.startsWith(" set as-path prepend"));
      if (/^ set as-path prepend( \d+)+$/.test(command)) kept.push(command);
      else if (command !== " no set as-path prepend") throw new Error(`an unknown command: ${command}`);
      blocks[at] = [head, ...kept.sort(), "exit", ""].join("\n");
    }
  }
  return blocks.join("");
}
