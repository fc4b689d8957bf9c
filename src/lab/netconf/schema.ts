import { isIP } from "node:net";
import {
  integer,
  type LeafType,
  type Named,
  oneOf,
  type SchemaNode,
  text,
  uint32,
  yangModule,
} from "./schema-nodes.ts";
import { qos, qosNamespace } from "./schema-qos.ts";

const routingPolicyNamespace = "http://openconfig.net/yang/routing-policy";
const bgpPolicyNamespace = "http://openconfig.net/yang/bgp-policy";
const networkInstanceNamespace = "http://openconfig.net/yang/network-instance";
const srTeNamespace = "http://openconfig.net/yang/policy-forwarding/sr-te";

/** What the hello says of each YANG module (RFC 6020 section 5.6.4). */
export const moduleCapabilities = [
  `${routingPolicyNamespace}?module=openconfig-routing-policy&revision=2022-05-24`,
  `${bgpPolicyNamespace}?module=openconfig-bgp-policy&revision=2022-05-24`,
  `${networkInstanceNamespace}?module=openconfig-network-instance&revision=2025-12-15`,
  `${srTeNamespace}?module=openconfig-pf-srte&revision=2025-12-15`,
  `${qosNamespace}?module=openconfig-qos&revision=2023-09-06`,
];

const ipPrefix: LeafType = {
  expects: "an IP prefix",
  canonical(value) {
    const [address = "", length = "", ...rest] = value.split("/");
    const family = isIP(address);
    if (family === 0 || rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined;
    return Number(length) <= (family === 4 ? 32 : 128) ? value : undefined;
  },
};

const masklengthRange: LeafType = {
  expects: "exact or a range as in 24..32",
  canonical: (value) => (/^(\d+\.\.\d+|exact)$/.test(value) ? value : undefined),
};

const setMed: LeafType = {
  expects: "a 32-bit number, +number, -number or IGP",
  canonical: (value) => (/^[+-]\d{1,10}$/.test(value) || value === "IGP" ? value : uint32.canonical(value)),
};

const nextHop: LeafType = {
  expects: "an IP address or SELF",
  canonical: (value) => (value === "SELF" || isIP(value) !== 0 ? value : undefined),
};

const ipAddress: LeafType = {
  expects: "an IP address",
  canonical: (value) => (isIP(value) !== 0 ? value : undefined),
};

/** 0 to 15 have meanings of their own (RFC 7274). */
const mplsLabel = integer(16, 1_048_575);
const sid: LeafType = {
  expects: "an MPLS label from 16 to 1048575 or an IPv6 address",
  canonical: (value) => (isIP(value) === 6 ? value : mplsLabel.canonical(value)),
};

/** RFC 1997: two numbers of 16 bits. */
const standardCommunity: LeafType = {
  expects: "a standard community as in 65000:1",
  canonical(value) {
    const parts = /^(\d{1,5}):(\d{1,5})$/.exec(value)?.slice(1).map(Number);
    return parts?.every((part) => part <= 65_535) ? parts.join(":") : undefined;
  },
};

const policy = yangModule(routingPolicyNamespace);
const bgp = yangModule(bgpPolicyNamespace);
const instance = yangModule(networkInstanceNamespace);
const srTe = yangModule(srTeNamespace);

/** Longest prepend that the emulated router takes: OpenConfig leaves it to the implementation. */
const longestPrepend = 10;

/** openconfig-routing-policy augmented by openconfig-bgp-policy, as far as a transit link's export policy goes. */
const routingPolicy = policy.container(
  "routing-policy",
  policy.container(
    "defined-sets",
    policy.container(
      "prefix-sets",
      policy.list(
        "prefix-set",
        ["name"],
        "by-key",
        policy.leaf("name", text),
        policy.container("config", policy.leaf("name", text), policy.leaf("mode", oneOf("IPV4", "IPV6", "MIXED"))),
        policy.container(
          "prefixes",
          policy.list(
            "prefix",
            ["ip-prefix", "masklength-range"],
            "by-key",
            policy.leaf("ip-prefix", ipPrefix),
            policy.leaf("masklength-range", masklengthRange),
            policy.container(
              "config",
              policy.leaf("ip-prefix", ipPrefix),
              policy.leaf("masklength-range", masklengthRange),
            ),
          ),
        ),
      ),
    ),
  ),
  policy.container(
    "policy-definitions",
    policy.list(
      "policy-definition",
      ["name"],
      "by-key",
      policy.leaf("name", text),
      policy.container("config", policy.leaf("name", text)),
      policy.container(
        "statements",
        policy.list(
          "statement",
          ["name"],
          "by-user",
          policy.leaf("name", text),
          policy.container("config", policy.leaf("name", text)),
          policy.container(
            "conditions",
            policy.container(
              "config",
              policy.leaf("call-policy", text, "routing-policy/policy-definitions/policy-definition"),
            ),
            policy.container(
              "match-prefix-set",
              policy.container(
                "config",
                policy.leaf("prefix-set", text, "routing-policy/defined-sets/prefix-sets/prefix-set"),
                policy.leaf("match-set-options", oneOf("ANY", "INVERT")),
              ),
            ),
          ),
          policy.container(
            "actions",
            policy.container("config", policy.leaf("policy-result", oneOf("ACCEPT_ROUTE", "REJECT_ROUTE"))),
            bgp.container(
              "bgp-actions",
              bgp.container(
                "config",
                bgp.leaf("set-route-origin", oneOf("IGP", "EGP", "INCOMPLETE")),
                bgp.leaf("set-local-pref", uint32),
                bgp.leaf("set-next-hop", nextHop),
                bgp.leaf("set-med", setMed),
              ),
              bgp.container(
                "set-as-path-prepend",
                bgp.container("config", bgp.leaf("repeat-n", integer(1, longestPrepend)), bgp.leaf("asn", uint32)),
              ),
              bgp.container(
                "set-community",
                bgp.container(
                  "config",
                  bgp.leaf("method", oneOf("INLINE")),
                  bgp.leaf("options", oneOf("ADD", "REMOVE", "REPLACE")),
                ),
                // A leaf-list in the model; the emulated router takes one.
                bgp.container("inline", bgp.container("config", bgp.leaf("communities", standardCommunity))),
              ),
            ),
          ),
        ),
      ),
    ),
  ),
);

/** Segment lists that the emulated router takes in one rule: with one, weights mean nothing. */
const segmentListIndex = integer(1, 1);
/** A 64-bit number in the model; nobody has that many labels to push. */
const sidIndex = uint32;

/** openconfig-network-instance augmented by openconfig-pf-srte, as far as the candidate paths of SR policies go. */
const networkInstances = instance.container(
  "network-instances",
  instance.list(
    "network-instance",
    ["name"],
    "by-key",
    instance.leaf("name", text),
    instance.container("config", instance.leaf("name", text)),
    instance.container(
      "policy-forwarding",
      instance.container(
        "policies",
        instance.list(
          "policy",
          ["policy-id"],
          "by-key",
          instance.leaf("policy-id", text),
          instance.container("config", instance.leaf("policy-id", text)),
          instance.container(
            "rules",
            instance.list(
              "rule",
              ["sequence-id"],
              "by-key",
              instance.leaf("sequence-id", uint32),
              instance.container("config", instance.leaf("sequence-id", uint32)),
              instance.container(
                "action",
                srTe.container(
                  "segment-lists",
                  srTe.list(
                    "segment-list",
                    ["index"],
                    "by-key",
                    srTe.leaf("index", segmentListIndex),
                    srTe.container("config", srTe.leaf("index", segmentListIndex), srTe.leaf("weight", uint32)),
                    srTe.container(
                      "sids",
                      srTe.list(
                        "sid",
                        ["index"],
                        "by-key",
                        srTe.leaf("index", sidIndex),
                        srTe.container("config", srTe.leaf("index", sidIndex), srTe.leaf("value", sid)),
                      ),
                    ),
                  ),
                ),
              ),
              srTe.container(
                "srte",
                srTe.container(
                  "config",
                  srTe.leaf("srte-endpoint", ipAddress),
                  srTe.leaf("srte-color", uint32),
                  srTe.leaf("srte-preference", uint32),
                ),
              ),
            ),
          ),
        ),
      ),
    ),
  ),
);

/**
 * The level above the top-level containers: all that can be configured. This file is the one place that knows list keys,
 * the order of siblings and the types of leaves.
 */
export const schemaRoot: Readonly<{ children: readonly SchemaNode[] }> = {
  children: [routingPolicy, networkInstances, qos],
};

export function schemaChild(
  parent: Readonly<{ children: readonly SchemaNode[] }>,
  child: Named,
): SchemaNode | undefined {
  return parent.children.find(({ name, namespace }) => name === child.name && namespace === child.namespace);
}

/** Whether any node of the modules served is in this namespace. */
export function isKnownNamespace(namespace: string): boolean {
  return [routingPolicyNamespace, bgpPolicyNamespace, networkInstanceNamespace, srTeNamespace, qosNamespace].includes(
    namespace,
  );
}
