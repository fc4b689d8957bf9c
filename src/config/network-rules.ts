import { anycastRules } from "./anycast-rules.ts";
import { apiRules } from "./api-document.ts";
import { at, duplicates, listAt, textAt } from "./check.ts";
import { suggest } from "./did-you-mean.ts";
import type { Finding } from "./problem.ts";
import { qosLinkRules } from "./qos-rules.ts";
import { rpkiRules } from "./rpki-document.ts";
import { segmentRoutingRules } from "./segment-routing-rules.ts";

/** Rules between the parts of the inventory. They read it raw; a field that is itself wrong takes no part. */
export function networkRules(raw: unknown): Finding[] {
  return [
    ...uniqueness(raw),
    ...deviceReferences(raw),
    ...currencies(raw),
    ...unreadLinks(raw),
    ...segmentRoutingRules(raw),
    ...qosLinkRules(raw),
    ...anycastRules(raw),
    ...rpkiRules(raw),
    ...apiRules(raw),
  ];
}

function uniqueness(raw: unknown): Finding[] {
  const taken = (list: string, field: string) =>
    duplicates(
      listAt(raw, list),
      (entry) => textAt(entry, field),
      (key, index, first) => ({
        path: [list, index, field],
        message: `"${key}" is already the ${field} of ${list}[${first}]`,
        mend: "give each a name of its own",
      }),
    );
  const onOneDevice = (what: string, field: readonly string[]) =>
    duplicates(
      listAt(raw, "links"),
      (link) => {
        const [device, value] = [textAt(link, "device"), textAt(link, ...field)];
        return device === undefined || value === undefined ? undefined : `${value} on ${device}`;
      },
      (key, index, first) => ({
        path: ["links", index, ...field],
        message: `${what} ${key} is already that of links[${first}]`,
        mend: "give each link its own, or remove one of the two",
      }),
    );
  const prefixes = duplicates(
    listAt(raw, "prefixes"),
    (prefix) => (typeof prefix === "string" ? prefix : undefined),
    (prefix, index) => ({
      path: ["prefixes", index],
      message: `${prefix} is listed twice`,
      mend: "remove one of the two",
    }),
  );
  return [
    ...taken("devices", "name"),
    ...taken("links", "name"),
    ...onOneDevice("interface", ["interface"]),
    ...onOneDevice("neighbour", ["bgp", "neighbor"]),
    ...prefixes,
  ];
}

function deviceReferences(raw: unknown): Finding[] {
  const known = listAt(raw, "devices").flatMap((device) => textAt(device, "name") ?? []);
  return listAt(raw, "links").flatMap((link, index) => {
    const device = textAt(link, "device");
    if (device === undefined || known.includes(device)) return [];
    const mend = known.length === 0 ? "add it under devices" : suggest(device, known);
    return [{ path: ["links", index, "device"], message: `there is no device "${device}"`, mend }];
  });
}

/** Costs are added up and compared, and nobody here knows an exchange rate. */
function currencies(raw: unknown): Finding[] {
  const first = listAt(raw, "links").flatMap((link) => textAt(link, "cost", "currency") ?? [])[0];
  return listAt(raw, "links").flatMap((link, index) => {
    const currency = textAt(link, "cost", "currency");
    if (currency === undefined || currency === first) return [];
    const message = `${currency} cannot be compared with ${first} of an earlier link`;
    return [{ path: ["links", index, "cost", "currency"], message, mend: "write all costs in one currency" }];
  });
}

/** A router without gNMI is read through Prometheus, if someone says how. */
function unreadLinks(raw: unknown): Finding[] {
  if (at(raw, "telemetry", "prometheus", "queries", "linkInbound") !== undefined) return [];
  return devicesWithoutGnmi(raw).map((index) => ({
    path: ["devices", index],
    message: "nothing measures its links: it has no gnmi, and telemetry.prometheus.queries has no linkInbound",
    mend: "add gnmi to the device, or the linkInbound query",
  }));
}

/** Indices of the devices that have links and no gNMI. */
export function devicesWithoutGnmi(raw: unknown): number[] {
  const withLinks = new Set(listAt(raw, "links").map((link) => textAt(link, "device")));
  return [...listAt(raw, "devices").entries()]
    .filter(([, device]) => at(device, "gnmi") === undefined && withLinks.has(textAt(device, "name")))
    .map(([index]) => index);
}
