import { assert } from "../kernel/assert.ts";
import { Failure, fail, ok, type Result } from "../kernel/failure.ts";
import { parseAllowed } from "../kernel/prefix.ts";
import type { SiteAnnouncement, SiteState } from "../model/anycast.ts";
import type { AnycastChange } from "../model/decision.ts";
import type { Device, Network } from "../model/inventory.ts";
import { editPolicies, readPolicies } from "./announcements.ts";
import type { Edited } from "./edited.ts";
import {
  type BgpLink,
  bgpLinks,
  decidingStatement,
  type Edit,
  type ExportPolicies,
  linkAlone,
  mostPrepends,
  type Statement,
  unsupported,
} from "./export-policy.ts";
import { queryFor } from "./query.ts";
import type { Templates } from "./templates.ts";

/** What to read from a router for the anycast sites behind it. Throws Failure CHANGE_UNSUPPORTED. */
export function sitesQuery(templates: Templates, network: Network, device: Device): string {
  const sites = network.anycast.flatMap((service) => service.sites);
  const links = network.links.filter(({ name }) => sites.some((site) => site.links.includes(name)));
  return queryFor(templates, { ...network, links, prefixes: network.anycast.map(({ prefix }) => prefix) }, device);
}

/** How each site behind this router is announced, link by link. CHANGE_UNSUPPORTED. */
export function readSites(network: Network, device: Device, reading: string): Result<readonly SiteAnnouncement[]> {
  const policies = readPolicies(network, device, reading);
  if (!policies.ok) return policies;
  const found: SiteAnnouncement[] = [];
  for (const { prefix, sites } of network.anycast) {
    for (const site of sites.filter((each) => each.device === device.name)) {
      for (const link of bgpLinks(network.links, device).filter(({ name }) => site.links.includes(name))) {
        const announced = announcementOf(policies.value, link, prefix);
        if (!announced.ok) return announced;
        const { state } = announced.value;
        found.push({ site: site.name, device: device.name, link: link.name, prefix, state });
      }
    }
  }
  return ok(found);
}

/** DEVICE_CHANGED, CHANGE_UNSUPPORTED. */
export function editSites(
  templates: Templates,
  network: Network,
  device: Device,
  changes: readonly AnycastChange[],
  reading: string,
): Result<Edited> {
  return editPolicies(templates, network, device, reading, changes, (policies, change) =>
    editFor(network, device, policies, change),
  );
}

type Announced = Readonly<{ state: SiteState; statement: Statement; prepends: number }>;

/** The one statement for the prefix, whichever way it decides: a withdrawn site's keeps its path and community, and denies. */
function announcementOf(policies: ExportPolicies, link: BgpLink, prefix: string): Result<Announced> {
  const found = decidingStatement(policies, link, prefix, parseAllowed(prefix));
  if (!found.ok) return found;
  const statement = found.value;
  if (!statement) {
    return unsupported(
      `${link.device}: nothing in ${link.bgp.exportPolicy} is for ${prefix} alone, and a site announces it on ${link.name}`,
      `give ${prefix} a statement of its own, or take ${link.name} off the site in the inventory`,
    );
  }
  const { prepends, gracefulShutdown, verdict, title } = statement;
  if (typeof prepends !== "number") {
    return unsupported(
      `${link.device}: ${title} announces ${prefix} with ${prepends.unsupported}`,
      "let it prepend our own AS or nothing",
    );
  }
  if (typeof gracefulShutdown !== "boolean") {
    return unsupported(
      `${link.device}: ${title} announces ${prefix} with ${gracefulShutdown.unsupported}`,
      "set communities of the prefix where it is originated, and none in this statement",
    );
  }
  const state = verdict === "deny" ? "withdrawn" : gracefulShutdown ? "drained" : "announced";
  return ok({ state, statement, prepends });
}

function editFor(network: Network, device: Device, policies: ExportPolicies, change: AnycastChange): Result<Edit> {
  const { prefix, site, from, to } = change;
  assert(network.prefixes.includes(prefix), `${prefix} is on the allow-list`);
  const alone = linkAlone(network, device, change.link);
  if (!alone.ok) return alone;
  const link = alone.value;
  const announced = announcementOf(policies, link, prefix);
  if (!announced.ok) return announced;
  const { state, statement, prepends } = announced.value;
  if (state !== from) {
    return fail(
      new Failure("DEVICE_CHANGED", `${device.name} has ${site} ${state} on ${link.name}, not ${from}`, {
        retry: "later",
        mend: "something else changed it since; the next evaluation starts from what is there now",
      }),
    );
  }
  const setting = settingFor(change, announced.value);
  if (!setting) {
    return unsupported(
      `${device.name}: ${statement.title} has ${prepends} prepends${statement.gracefulShutdown === true ? "" : " and no 65535:0"}, and so cannot go from ${from} to ${to}`,
      `set ${prefix} on ${link.name} by hand`,
    );
  }
  return ok({
    link,
    prefix: parseAllowed(prefix),
    policy: link.bgp.exportPolicy,
    statement: statement.id,
    to: setting,
  });
}

/**
 * Drained adds its prepends to those that are there, so that the way back leads to where it was; withdrawn turns the verdict alone.
 * Undefined when the statement is not what that step left.
 */
function settingFor({ from, to, prepends }: AnycastChange, now: Announced): Edit["to"] | undefined {
  const [more, fewer] = [now.prepends + prepends, now.prepends - prepends];
  switch (`${from} ${to}` as const) {
    case "announced drained":
      return more <= mostPrepends ? { prepends: more, gracefulShutdown: true } : undefined;
    case "drained announced":
      return fewer >= 0 ? { prepends: fewer, gracefulShutdown: false } : undefined;
    case "drained withdrawn":
      return { verdict: "deny" };
    case "withdrawn drained":
      return now.statement.gracefulShutdown === true ? { verdict: "accept" } : undefined;
    case "announced withdrawn":
    case "withdrawn announced":
    case "announced announced":
    case "drained drained":
    case "withdrawn withdrawn":
      throw new Error(`invariant broken: a site goes one step at a time, not from ${from} to ${to}`);
  }
}
