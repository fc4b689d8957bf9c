import path from "node:path";
import { z } from "zod";
import { ratio } from "../kernel/units.ts";
import type { ApiAccess } from "../model/access.ts";
import { type FreezeWindow, type Network, platforms } from "../model/inventory.ts";
import { anycastService } from "./anycast-document.ts";
import { apiDocument } from "./api-document.ts";
import {
  duration,
  host,
  listOf,
  missing,
  money,
  name,
  oneOf,
  percent,
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
import { rpkiAccess } from "./rpki-document.ts";
import { pathFields, toPathAsks } from "./traffic-class-document.ts";

/** RFC 7607 (0), 6793 (23456 stands in for a longer number) and 7300 (the last of each range): nobody's number. */
const unusableAs = [0, 23_456, 65_535, 4_294_967_295];

function ip(field: string, example: string) {
  return z.union([z.ipv4(), z.ipv6()], {
    error: ({ input }) =>
      input === undefined
        ? tell(missing, `add ${field}: ${example}`)
        : tell(`${JSON.stringify(input)} is not an IP address`, `write an address, for example ${example}`),
  });
}

/** A router's text for an address is compared with ours: both in the one form of RFC 5952, which URLs have too. */
const canonical = (written: number | string) =>
  typeof written === "number" || !written.includes(":") || new URL(`http://[${written}]`).hostname === `[${written}]`;

const notCanonical = ({ input }: { input?: unknown }) =>
  tell(
    `${String(input)} is not in canonical form`,
    `write ${new URL(`http://[${String(input)}]`).hostname.slice(1, -1)}`,
  );

const ipv6 = (field: string, example: string) =>
  z
    .ipv6({
      error: ({ input }) =>
        tell(`${JSON.stringify(input)} is not an IPv6 address`, `write ${field} for example as "${example}"`),
    })
    .refine(canonical, { error: notCanonical });

const notASid = ({ input }: { input?: unknown }) =>
  input === undefined
    ? tell(missing, "add sid: 16001, or an SRv6 SID")
    : tell(
        `${JSON.stringify(input)} is neither an MPLS label nor an SRv6 SID`,
        'write a label from 16 to 1048575, or an IPv6 address such as "fc00:0:1::1"',
      );

/** Labels 0 to 15 are reserved (RFC 7274), and a label has 20 bits (RFC 3032). */
const sid = z
  .union([z.int(), z.ipv6()], { error: notASid })
  .refine((written) => typeof written === "string" || (written >= 16 && written <= 1_048_575), {
    error: notASid,
    abort: true,
  })
  .refine(canonical, { error: notCanonical });

const segmentRouting = section({
  address: ip("address", "10.255.0.1").refine(canonical, { error: notCanonical }),
  sid,
  serviceSid: ipv6("serviceSid", "fc00:0:1::d6").exactOptional(),
}).refine(({ sid: node, serviceSid }) => serviceSid === undefined || typeof node === "string", {
  error: tell("has a serviceSid beside an MPLS label", "leave out serviceSid, or write an SRv6 SID as sid"),
});

const backbone = section({
  to: name("core-b"),
  metric: whole(1, 16_777_215, 10),
  delay: duration("2ms"),
  loss: percent("0.1%").exactOptional(),
}).transform(({ delay, loss, ...rest }) => ({ ...rest, delayMs: delay, loss: loss ?? ratio(0) }));

const trafficClass = section({ name: name("inference"), ...pathFields }).transform(toPathAsks);

const flow = section({
  name: name("training-1"),
  class: name("training"),
  headend: name("edge-a"),
  endpoint: name("edge-b"),
  color: whole(1, 4_294_967_295, 100),
  prefix: prefix.exactOptional(),
});

const hostKey = text(
  "a host key fingerprint as ssh-keygen -l prints it",
  '"SHA256:<43 characters>", from ssh-keygen -l -f <key>.pub on the router',
  /^SHA256:[A-Za-z0-9+/]{43}$/,
);

/** A URL may carry a password, so a wrong one is not shown. */
const httpUrl = (absent: string, mend: string) =>
  z.string({ error: absent }).refine(
    (written) => {
      const parsed = URL.canParse(written) ? new URL(written) : undefined;
      return (
        parsed !== undefined && /^https?:$/.test(parsed.protocol) && parsed.username === "" && parsed.password === ""
      );
    },
    tell("is not an http or https URL without credentials", mend),
  );

const url = httpUrl(
  tell(missing, "add url: http://127.0.0.1:9090"),
  "write for example http://127.0.0.1:9090, and credentials as bearerToken",
);

const webhookExample = "write for example http://127.0.0.1:8080/shed";
const webhook = httpUrl(tell("is not an http or https URL without credentials", webhookExample), webhookExample);

const minuteForm = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/;

/**
 * `pointsman.yaml` as it is written, read into a Network and who may use the API. Paths in it are relative to `folder` and come out absolute.
 * May be left out: `gnmi` (a router is then read through Prometheus), `cost`, `bgp`, `prometheus`, `rpki`, `freezes` and `shedWebhooks`
 * (then there are none), a device's `site` (then it is one of its own), `api` (then it is for the owner of the state folder), and all of
 * segment routing and QoS. Classes may also be documents of their own.
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
    site: name("frankfurt").exactOptional(),
    platform: oneOf(platforms),
    management,
    gnmi: gnmi.exactOptional(),
    segmentRouting: segmentRouting.exactOptional(),
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
    bgp: section({
      neighbor: ip("neighbor", "192.0.2.1"),
      exportPolicy: word("a policy name", "TRANSIT-OUT"),
    }).exactOptional(),
    backbone: backbone.exactOptional(),
    qos: z
      .literal(true, { error: tell("is not true", "write qos: true, or leave it out: its queues are then left alone") })
      .exactOptional(),
  });

  const label = (example: string) => text("a Prometheus label name", example, /^[A-Za-z_][A-Za-z0-9_]*$/);
  const query = prose("flow_inbound_bits_per_second");
  const perLink = section({ query, linkLabel: label("link") });
  const perFlow = section({ query, flowLabel: label("flow") });
  const perQueue = section({ query, linkLabel: label("link"), classLabel: label("class") });
  const prometheus = section({
    url,
    bearerToken: secret.exactOptional(),
    ca: file("ca.pem").exactOptional(),
    queries: section({
      prefixInbound: section({ query, linkLabel: label("link"), prefixLabel: label("prefix") }).exactOptional(),
      linkInbound: perLink.exactOptional(),
      linkOutbound: perLink.exactOptional(),
      flowRate: perFlow.exactOptional(),
      flowLatency: perFlow.exactOptional(),
      queueRate: perQueue.exactOptional(),
      queueDrops: perQueue.exactOptional(),
      queueDepth: perQueue.exactOptional(),
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
    classes: listOf(trafficClass, "classes", "[{ name: training, prefers: capacity }]").exactOptional(),
    flows: listOf(flow, "flows", "[{ name: training-1, … }]").exactOptional(),
    anycast: listOf(anycastService, "anycast services", "[{ name: chat, … }]").exactOptional(),
    telemetry: section({ interval: duration("10s"), prometheus: prometheus.exactOptional() }).transform(
      ({ interval, ...rest }) => ({ intervalMs: interval, ...rest }),
    ),
    rpki: rpkiAccess(file).exactOptional(),
    freezes: listOf(freeze, "freeze windows", '[{ reason: nightly backup, daily: "22:00-06:00" }]').exactOptional(),
    policies: listOf(prose("policies/transit-congestion.yaml"), "policy files and folders", "[policies]"),
    shedWebhooks: listOf(webhook, "URLs", "[http://127.0.0.1:8080/shed]").exactOptional(),
    api: apiDocument(toPath, secret).exactOptional(),
  }).transform(
    ({
      apiVersion: _version,
      kind: _kind,
      policies: _policies,
      freezes = [],
      classes = [],
      flows = [],
      shedWebhooks = [],
      anycast = [],
      ...network
    }): Network & { api?: ApiAccess } => ({
      ...network,
      classes,
      flows,
      anycast,
      freezes,
      shedWebhooks,
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
