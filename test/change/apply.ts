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

const settable = [/^ set as-path prepend( \d+)+$/, /^ set community 65535:0 additive$/];

/**
 * `vtysh -f` of route-map entries: a `set` takes the place of one of its kind, an entry's other verdict that of the one it has
 * (its lines stay: seen with FRR 8.4), and lines are shown in the order of their bytes.
 */
function applyVtysh(basis: string, config: string): string {
  const blocks = basis.split(/^(?=route-map )/m);
  const commands = config.split("\n").filter((line) => line !== "");
  let at = -1;
  for (const command of commands) {
    const [head = "", ...body] = (blocks[at] ?? "").trimEnd().split("\n");
    if (command.startsWith("route-map ")) {
      const [, name = "", , sequence = ""] = command.split(" ");
      const entry = new RegExp(`^route-map ${name} (permit|deny) ${sequence}\n`);
      at = blocks.findIndex((block) => entry.test(block));
      if (at < 0) throw new Error(`a new entry: ${command}`);
      blocks[at] = (blocks[at] ?? "").replace(entry, `${command}\n`);
    } else if (command !== "exit") {
      const kind = command.includes(" as-path ") ? " set as-path " : " set community ";
      const kept = body.filter((line) => line !== "exit" && !line.startsWith(kind));
      if (settable.some((form) => form.test(command))) kept.push(command.replace("65535:0", "graceful-shutdown"));
      else if (!/^ no set (as-path prepend|community)$/.test(command))
        throw new Error(`an unknown command: ${command}`);
      blocks[at] = [head, ...kept.sort(), "exit", ""].join("\n");
    }
  }
  return blocks.join("");
}
