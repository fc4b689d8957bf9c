import { at, duplicates, listAt, namesOf, textAt } from "./check.ts";
import { suggest } from "./did-you-mean.ts";
import type { Finding } from "./problem.ts";

/** Rules between node segments, backbone links, classes and flows. */
export function segmentRoutingRules(raw: unknown): Finding[] {
  return [...segments(raw), ...oneDataPlane(raw), ...backboneEnds(raw), ...names(raw), ...flowRules(raw)];
}

/** Two nodes with one SID or address could not be told apart in what a router reads. */
function segments(raw: unknown): Finding[] {
  return ["address", "sid", "serviceSid"].flatMap((field) =>
    duplicates(
      listAt(raw, "devices"),
      (device) => {
        const value = at(device, "segmentRouting", field);
        return value === undefined ? undefined : String(value);
      },
      (key, index, first) => ({
        path: ["devices", index, "segmentRouting", field],
        message: `${key} is already the ${field} of devices[${first}]`,
        mend: "give each router its own",
      }),
    ),
  );
}

/** A segment list is of labels or of SRv6 SIDs, and any node may be led through. */
function oneDataPlane(raw: unknown): Finding[] {
  const nodes = [...listAt(raw, "devices").entries()].flatMap(([index, device]) => {
    const sid = at(device, "segmentRouting", "sid");
    return sid === undefined ? [] : [{ index, kind: typeof sid }];
  });
  const other = nodes.find(({ kind }) => kind !== nodes[0]?.kind);
  if (!other) return [];
  const message = `is not of the kind of devices[${nodes[0]?.index}]: a path cannot mix MPLS labels and SRv6 SIDs`;
  return [
    { path: ["devices", other.index, "segmentRouting", "sid"], message, mend: "give all routers SIDs of one kind" },
  ];
}

function backboneEnds(raw: unknown): Finding[] {
  const known = namesOf(raw, "devices");
  const platformOf = new Map(listAt(raw, "devices").map((one) => [textAt(one, "name"), textAt(one, "platform")]));
  return listAt(raw, "links").flatMap((link, index) => {
    const to = textAt(link, "backbone", "to");
    const path = ["links", index, "backbone"];
    const platform = platformOf.get(textAt(link, "device"));
    if (at(link, "bgp") !== undefined && (platform === "linux-srv6" || platform === "linux-htb")) {
      const message = `is on a ${platform} router, whose BGP Pointsman does not edit`;
      return [{ path: ["links", index, "bgp"], message, mend: "remove it" }];
    }
    if (to !== undefined && textAt(link, "role") !== "backbone") {
      return [{ path, message: "is on a link of another role", mend: "write role: backbone, or remove it" }];
    }
    if (to !== undefined && to === textAt(link, "device")) {
      return [
        { path: [...path, "to"], message: "leads back to its own router", mend: "name the router at its far end" },
      ];
    }
    if (to === undefined || known.includes(to)) return [];
    return [{ path: [...path, "to"], message: `there is no device "${to}"`, mend: suggest(to, known) }];
  });
}

/** A policy's target goes by its name alone. */
function names(raw: unknown): Finding[] {
  const others = [...namesOf(raw, "links"), ...namesOf(raw, "devices")];
  const links = namesOf(raw, "links").flatMap((name, index) => {
    if (!namesOf(raw, "devices").includes(name)) return [];
    return [{ path: ["links", index, "name"], message: `"${name}" is the name of a device too`, mend: "rename one" }];
  });
  const own = (list: string) =>
    duplicates(
      listAt(raw, list),
      (entry) => textAt(entry, "name"),
      (key, index, first) => ({
        path: [list, index, "name"],
        message: `"${key}" is already the name of ${list}[${first}]`,
        mend: "give each a name of its own",
      }),
    );
  const asLink = listAt(raw, "flows").flatMap((flow, index) => {
    const name = textAt(flow, "name");
    if (name === undefined || !others.includes(name)) return [];
    const message = `"${name}" is the name of a link or device too`;
    return [{ path: ["flows", index, "name"], message, mend: "rename one" }];
  });
  return [...own("classes"), ...own("flows"), ...links, ...asLink];
}

function flowRules(raw: unknown): Finding[] {
  const devices = new Map(listAt(raw, "devices").map((device) => [textAt(device, "name"), device]));
  const known = namesOf(raw, "devices");
  const classes = namesOf(raw, "classes");
  const findings = listAt(raw, "flows").flatMap((flow, index): Finding[] => {
    const [headend, endpoint, of] = [textAt(flow, "headend"), textAt(flow, "endpoint"), textAt(flow, "class")];
    const found: Finding[] = [];
    const find = (field: string, message: string, mend: string) =>
      found.push({ path: ["flows", index, field], message, mend });
    if (of !== undefined && !classes.includes(of))
      find("class", `there is no class "${of}"`, addOr(of, classes, "classes"));
    if (headend !== undefined && !devices.has(headend)) {
      find("headend", `there is no device "${headend}"`, addOr(headend, known, "devices"));
    }
    if (endpoint !== undefined && !devices.has(endpoint)) {
      find("endpoint", `there is no device "${endpoint}"`, addOr(endpoint, known, "devices"));
    }
    if (endpoint !== undefined && endpoint === headend) {
      find(
        "endpoint",
        "is the headend too: such a flow crosses no link",
        "name the router where it leaves the backbone",
      );
    }
    if (devices.has(endpoint) && at(devices.get(endpoint), "segmentRouting") === undefined) {
      find("endpoint", `${endpoint} has no segmentRouting, so no SR policy can lead there`, `add it to ${endpoint}`);
    }
    const platform = textAt(devices.get(headend), "platform");
    if (platform === "frr" || platform === "linux-htb") {
      find(
        "headend",
        `${headend} is ${platform === "frr" ? "an frr" : "a linux-htb"} router, which Pointsman cannot steer flows on`,
        "name an openconfig or linux-srv6 router",
      );
    }
    if (platform === "linux-srv6" && at(flow, "prefix") === undefined) {
      const example = 'add prefix: "2001:db8:6::/64"';
      found.push({
        path: ["flows", index],
        message: "has no prefix, by which a linux-srv6 headend steers",
        mend: example,
      });
    }
    const prefix = textAt(flow, "prefix");
    if (platform === "linux-srv6" && prefix !== undefined && !prefix.includes(":")) {
      find(
        "prefix",
        "is not IPv6, and a linux-srv6 headend steers nothing else",
        'write for example "2001:db8:6::/64"',
      );
    }
    if (
      platform === "linux-srv6" &&
      devices.has(endpoint) &&
      at(devices.get(endpoint), "segmentRouting", "serviceSid") === undefined
    ) {
      find(
        "endpoint",
        `${endpoint} has no serviceSid, at which packets from a linux-srv6 headend are decapsulated`,
        `add segmentRouting.serviceSid to ${endpoint}`,
      );
    }
    return found;
  });
  const twins = (what: string, keyOf: (flow: unknown) => string | undefined) =>
    duplicates(listAt(raw, "flows"), keyOf, (_, index, first) => ({
      path: ["flows", index, what],
      message: `is that of flows[${first}], from the same headend`,
      mend: `give each flow a ${what} of its own`,
    }));
  return [
    ...findings,
    ...twins("color", (flow) => JSON.stringify([at(flow, "headend"), at(flow, "endpoint"), at(flow, "color")])),
    ...twins("prefix", (flow) => textAt(flow, "prefix") && JSON.stringify([at(flow, "headend"), at(flow, "prefix")])),
  ];
}

const addOr = (name: string, known: readonly string[], list: string) =>
  known.length === 0 ? `add it under ${list}` : suggest(name, known);
