import type { ApprovalsNeeded, Change } from "../model/change.ts";
import type { Decision } from "../model/decision.ts";
import type { Network } from "../model/inventory.ts";

/** What only two people together may let onto the routers. */
const forHighRisk = 2;

/**
 * How many people a change needs, and why where that is not the policy's own number. Two at least, and never none, where BGP exports
 * change at more than one site, or where something is taken away altogether. A person's rollback needs no more than that person: it leads
 * to what ran before.
 */
export function approvalsNeeded(
  { origin, policy, decision }: Pick<Change, "origin" | "policy" | "decision">,
  network: Network,
): ApprovalsNeeded {
  if (origin.kind === "operator") return { people: 0, reasons: [] };
  const { people, deletions = "two-people" } = policy.approve;
  const reasons = [...exportsOfSites(decision, network), ...(deletions === "two-people" ? deleted(decision) : [])];
  return { people: reasons.length > 0 ? Math.max(people, forHighRisk) : people, reasons };
}

function exportsOfSites(decision: Decision, { devices }: Network): string[] {
  switch (decision.action) {
    case "bgp-prepend":
    case "anycast-drain": {
      const siteOf = (name: string) => devices.find((device) => device.name === name)?.site ?? name;
      const sites = [...new Set(decision.changes.map(({ device }) => siteOf(device)))].sort();
      return sites.length > 1 ? [`it changes what BGP exports at ${sites.length} sites (${sites.join(", ")})`] : [];
    }
    case "segment-routing":
    case "qos":
      return [];
  }
}

/** What is there before the change, and after it is not. */
function deleted(decision: Decision): string[] {
  switch (decision.action) {
    case "bgp-prepend":
      return [];
    case "anycast-drain":
      return decision.changes
        .filter(({ from, to }) => from !== "withdrawn" && to === "withdrawn")
        .map(({ prefix, link }) => `it withdraws ${prefix} from ${link}`);
    case "segment-routing":
      return decision.changes
        .filter(({ from, to }) => from.length > 0 && to.length === 0)
        .map(({ flow }) => `it deletes the SR policy of ${flow}`);
    case "qos":
      return decision.changes
        .filter(({ from, to }) => from.length > 0 && to.length === 0)
        .map(({ link }) => `it deletes the queues of ${link}`);
  }
}
