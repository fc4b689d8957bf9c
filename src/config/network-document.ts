import path from "node:path";
import { z } from "zod";
import { type FreezeWindow, type Network, platforms } from "../model/inventory.ts";
import {
  duration,
  host,
  listOf,
  missing,
  money,
  name,
  oneOf,
  port,
  prefix,
  prose,
  rate,
  secretRef,
  section,
  tell,
  text,
  whole,
  word,
} from "./fields.ts";
import { roles } from "./policy-document.ts";

/** RFC 7607 (0), 6793 (23456 stands in for a longer number) and 7300 (the last of each range): nobody's number. */
const unusableAs = [0, 23_456, 65_535, 4_294_967_295];

const ip = z.union([z.ipv4(), z.ipv6()], {
  error: ({ input }) =>
    input === undefined
      ? tell(missing, "add neighbor: 192.0.2.1")
      : tell(`${JSON.stringify(input)} is not an IP address`, "write the neighbour's address, for example 192.0.2.1"),
});

const hostKey = text(
  "a host key fingerprint as ssh-keygen -l prints it",
  '"SHA256:<43 characters>", from ssh-keygen -l -f <key>.pub on the router',
  /^SHA256:[A-Za-z0-9+/]{43}$/,
);

/** A URL may carry a password, so a wrong one is not shown. */
const url = z.string({ error: tell(missing, "add url: http://127.0.0.1:9090") }).refine(
  (written) => {
    const parsed = URL.canParse(written) ? new URL(written) : undefined;
    return (
      parsed !== undefined && /^https?:$/.test(parsed.protocol) && parsed.username === "" && parsed.password === ""
    );
  },
  tell(
    "is not an http or https URL without credentials",
    "write for example http://127.0.0.1:9090, and credentials as bearerToken",
  ),
);

const minuteForm = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/;

/**
 * `pointsman.yaml` as it is written, read into a Network. Paths in it are relative to `folder` and come out absolute.
 * May be left out: `gnmi` (a router is then read through Prometheus), `cost`, `bgp`, `prometheus`, `freezes` (then there are none).
 */
export function networkDocument(folder: string) {
  const toPath = (written: string) => path.resolve(folder, written);
  const file = (example: string) => text("a path", example, /\S/).transform(toPath);
  const secret = secretRef(toPath);

  const management = section({
    host,
    port: port(830),
    username: prose("pointsman"),
    password: secret.exactOptional(),
    privateKey: secret.exactOptional(),
    hostKey,
  }).refine(({ password, privateKey }) => password !== undefined || privateKey !== undefined, {
    error: tell("has no way to log in", "add password or privateKey, or both"),
  });

  const gnmi = section({
    host,
    port: port(9339),
    username: prose("pointsman").exactOptional(),
    password: secret.exactOptional(),
    ca: file("ca.pem"),
    serverName: host.exactOptional(),
  }).refine(({ username, password }) => (username === undefined) === (password === undefined), {
    error: tell("has only one of username and password", "give both, or neither"),
  });

  const device = section({
    name: name("edge-a"),
    platform: oneOf(platforms),
    management,
    gnmi: gnmi.exactOptional(),
  });

  const link = section({
    name: name("transit-a"),
    device: name("edge-a"),
    interface: word("an interface name", "eth1"),
    role: oneOf(roles),
    capacity: rate("10 Gbit/s"),
    cost: section({
      perMbitMonth: money(0.2),
      currency: text("a three-letter currency (ISO 4217)", "USD", /^[A-Z]{3}$/),
    }).exactOptional(),
    bgp: section({ neighbor: ip, exportPolicy: word("a policy name", "TRANSIT-OUT") }).exactOptional(),
  });

  const label = (example: string) => text("a Prometheus label name", example, /^[A-Za-z_][A-Za-z0-9_]*$/);
  const query = prose("flow_inbound_bits_per_second");
  const perLink = section({ query, linkLabel: label("link") });
  const prometheus = section({
    url,
    bearerToken: secret.exactOptional(),
    ca: file("ca.pem").exactOptional(),
    queries: section({
      prefixInbound: section({ query, linkLabel: label("link"), prefixLabel: label("prefix") }),
      linkInbound: perLink.exactOptional(),
      linkOutbound: perLink.exactOptional(),
    }),
  });

  return section({
    apiVersion: oneOf(["pointsman/v1"]),
    kind: oneOf(["Network"]),
    as: whole(1, 4_294_967_294, 65_000).refine((as) => !unusableAs.includes(as), {
      error: tell("is a reserved AS number that no network has", "write your own AS number"),
    }),
    devices: listOf(device, "devices", "[{ name: edge-a, … }]"),
    links: listOf(link, "links", "[{ name: transit-a, … }]"),
    prefixes: listOf(prefix, "prefixes", "[192.0.2.0/24]"),
    telemetry: section({ interval: duration("10s"), prometheus: prometheus.exactOptional() }).transform(
      ({ interval, ...rest }) => ({ intervalMs: interval, ...rest }),
    ),
    freezes: listOf(freeze, "freeze windows", '[{ reason: nightly backup, daily: "22:00-06:00" }]').exactOptional(),
    policies: listOf(prose("policies/transit-congestion.yaml"), "policy files and folders", "[policies]"),
  }).transform(
    ({ apiVersion: _version, kind: _kind, policies: _policies, freezes = [], ...network }): Network => ({
      ...network,
      freezes,
    }),
  );
}

const instant = () => {
  const error = ({ input }: { input?: unknown }) =>
    tell(`${JSON.stringify(input)} is not a time with its zone`, "write for example 2026-12-01T00:00:00Z");
  return z.iso.datetime({ offset: true, error }).transform((written) => Date.parse(written));
};

const freeze = section({
  reason: prose("nightly backup"),
  daily: text("a daily window in UTC", '"22:00-06:00"', minuteForm).exactOptional(),
  from: instant().exactOptional(),
  to: instant().exactOptional(),
}).transform(({ reason, daily, from, to }, context): FreezeWindow => {
  const wrong = (message: string, mend: string) => {
    context.addIssue({ code: "custom", message: tell(message, mend) });
    return z.NEVER;
  };
  if (daily !== undefined && from === undefined && to === undefined) {
    const [, fromHour, fromMinute, toHour, toMinute] = (minuteForm.exec(daily) ?? []).map(Number);
    const dailyFromMinute = Number(fromHour) * 60 + Number(fromMinute);
    const dailyToMinute = Number(toHour) * 60 + Number(toMinute);
    if (dailyFromMinute !== dailyToMinute) return { reason, dailyFromMinute, dailyToMinute };
    return wrong("begins and ends at the same minute", 'write two different times, for example "22:00-06:00"');
  }
  if (daily !== undefined || from === undefined || to === undefined) {
    return wrong("is neither a daily window nor a span of time", "give either daily, or both from and to");
  }
  if (to > from) return { reason, fromMs: from, toMs: to };
  return wrong("ends before it begins", "write a time in to that is after from");
});
