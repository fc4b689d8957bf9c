import type { Policy } from "../model/policy.ts";
import { at, duplicates, durationAt, listAt, namesOf, textAt } from "./check.ts";
import { suggest } from "./did-you-mean.ts";
import type { Finding } from "./problem.ts";

/** Rules between anycast services, their sites, and the rest of the inventory. */
export function anycastRules(raw: unknown): Finding[] {
  return [...uniqueness(raw), ...services(raw), ...siteReferences(raw)];
}

type Placed = Readonly<{ site: unknown; path: readonly (string | number)[]; service: unknown }>;

const sitesIn = (raw: unknown): Placed[] =>
  listAt(raw, "anycast").flatMap((service, index) =>
    listAt(service, "sites").map((site, at) => ({ site, service, path: ["anycast", index, "sites", at] })),
  );

function uniqueness(raw: unknown): Finding[] {
  const own = (field: string) =>
    duplicates(
      listAt(raw, "anycast"),
      (service) => textAt(service, field),
      (key, index, first) => ({
        path: ["anycast", index, field],
        message: `"${key}" is already the ${field} of anycast[${first}]`,
        mend: `give each service a ${field} of its own`,
      }),
    );
  const sites = sitesIn(raw);
  const twice = duplicates(
    sites.map(({ site }) => site),
    (site) => textAt(site, "name"),
    (key, index) => ({
      path: [...(sites[index]?.path ?? []), "name"],
      message: `"${key}" is the name of another site too`,
      mend: "give each site a name of its own, whatever its service",
    }),
  );
  // A policy's target goes by its name alone.
  const others = ["devices", "links", "flows", "classes"].flatMap((list) => namesOf(raw, list));
  const taken = sites.flatMap(({ site, path }) => {
    const name = textAt(site, "name");
    if (name === undefined || !others.includes(name)) return [];
    const message = `"${name}" is the name of a device, link, flow or class too`;
    return [{ path: [...path, "name"], message, mend: "rename one" }];
  });
  return [...own("name"), ...own("prefix"), ...twice, ...taken];
}

function services(raw: unknown): Finding[] {
  const allowed = listAt(raw, "prefixes");
  return listAt(raw, "anycast").flatMap((service, index): Finding[] => {
    const path = ["anycast", index];
    const findings: Finding[] = [];
    const prefix = textAt(service, "prefix");
    if (prefix !== undefined && !allowed.includes(prefix)) {
      const message = `${prefix} is not on the allow-list`;
      findings.push({ path: [...path, "prefix"], message, mend: "add it to prefixes, if Pointsman may withdraw it" });
    }
    const [least, count] = [at(service, "minSites"), listAt(service, "sites").length];
    if (typeof least === "number" && count > 0 && least >= count) {
      const message = `is not below the number of sites (${count}): none could ever be drained`;
      const mend = count > 1 ? `write at most ${count - 1}, or add a site` : "add a site";
      findings.push({ path: [...path, "minSites"], message, mend });
    }
    return findings;
  });
}

function siteReferences(raw: unknown): Finding[] {
  const devices = new Map(listAt(raw, "devices").map((device) => [textAt(device, "name"), device]));
  const links = new Map(listAt(raw, "links").map((link) => [textAt(link, "name"), link]));
  const announcers = new Map<string, string>();
  return sitesIn(raw).flatMap(({ site, service, path }) => {
    const findings: Finding[] = [];
    const find = (field: readonly (string | number)[], message: string, mend: string) =>
      findings.push({ path: [...path, ...field], message, mend });
    const device = textAt(site, "device");
    const platform = textAt(devices.get(device), "platform");
    if (device !== undefined && !devices.has(device)) {
      find(["device"], `there is no device "${device}"`, suggest(device, namesOf(raw, "devices")));
    } else if (platform !== undefined && platform !== "openconfig" && platform !== "frr") {
      find(
        ["device"],
        `is a ${platform} router, whose BGP Pointsman does not edit`,
        "name an openconfig or frr router",
      );
    }
    for (const [index, link] of listAt(site, "links").entries()) {
      if (typeof link !== "string") continue;
      const known = links.get(link);
      const here = ["links", index];
      if (known === undefined) {
        find(here, `there is no link "${link}"`, suggest(link, namesOf(raw, "links")));
        continue;
      }
      if (textAt(known, "device") !== device) {
        find(
          here,
          `${link} is on ${textAt(known, "device")}`,
          `name a link of ${device}, or correct the site's device`,
        );
      } else if (at(known, "bgp") === undefined) {
        find(here, `${link} has no bgp`, `add bgp: { neighbor: …, exportPolicy: … } to ${link}`);
      }
      const key = JSON.stringify([textAt(service, "name"), link]);
      const first = announcers.get(key);
      if (first !== undefined) find(here, `${link} announces ${first} already`, "give each site links of its own");
      announcers.set(key, textAt(site, "name") ?? "another site");
    }
    return findings;
  });
}

/** What a policy for anycast sites needs of the inventory. */
export function anycastNeeds(raw: unknown, { name, scope, guard }: Policy): Finding[] {
  if (!("anycast" in scope)) return [];
  const index = listAt(raw, "anycast").findIndex((service) => textAt(service, "name") === scope.anycast);
  if (index < 0) {
    const known = namesOf(raw, "anycast");
    const message = `policy "${name}" watches the anycast service "${scope.anycast}", which is not there`;
    const mend = known.length === 0 ? "add it under anycast" : suggest(scope.anycast, known);
    return [{ path: known.length === 0 ? [] : ["anycast"], message, mend }];
  }
  const maxLatencyMs = durationAt(raw, "anycast", index, "maxLatency");
  const intervalMs = durationAt(raw, "telemetry", "interval");
  if (maxLatencyMs === undefined || intervalMs === undefined) return [];
  // A round of probes waits for the slowest site up to twice that: what it says of the others must be fresh by then.
  if (2 * maxLatencyMs <= (guard.freshnessIntervals - 1) * intervalMs) return [];
  const message = `is so long that policy "${name}" would find probes stale: a round may take twice that`;
  const mend = "write a shorter one, a longer telemetry.interval, or more intervals in the policy's guard.freshness";
  return [{ path: ["anycast", index, "maxLatency"], message, mend }];
}
