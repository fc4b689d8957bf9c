import { integer, oneOf, text, uint32, uint64, yangModule } from "./schema-nodes.ts";

export const qosNamespace = "http://openconfig.net/yang/qos";
const { container, leaf, list } = yangModule(qosNamespace);

const boolean = oneOf("true", "false");
const percentage = integer(0, 100);
/** RFC 2474. */
const dscp = integer(0, 63);
/** RFC 5462. */
const trafficClass = integer(0, 7);

/** A header's fields by which a term matches (openconfig-packet-match). */
const conditions = container(
  "conditions",
  container("ipv4", container("config", leaf("dscp", dscp))),
  container("ipv6", container("config", leaf("dscp", dscp))),
  container("mpls", container("config", leaf("traffic-class", trafficClass))),
);

const groupReference = "qos/forwarding-groups/forwarding-group";
const queueReference = "qos/queues/queue";

const classifiers = container(
  "classifiers",
  list(
    "classifier",
    ["name"],
    "by-key",
    leaf("name", text),
    container("config", leaf("name", text), leaf("type", oneOf("IPV4", "IPV6", "MPLS", "ETHERNET"))),
    container(
      "terms",
      list(
        "term",
        ["id"],
        "by-key",
        leaf("id", text),
        container("config", leaf("id", text)),
        conditions,
        container("actions", container("config", leaf("target-group", text, groupReference))),
      ),
    ),
  ),
);

const forwardingGroups = container(
  "forwarding-groups",
  list(
    "forwarding-group",
    ["name"],
    "by-key",
    leaf("name", text),
    container(
      "config",
      leaf("name", text),
      leaf("fabric-priority", integer(0, 255)),
      leaf("output-queue", text, queueReference),
      leaf("unicast-output-queue", text, queueReference),
      leaf("multicast-output-queue", text, queueReference),
    ),
  ),
);

const queues = container(
  "queues",
  list(
    "queue",
    ["name"],
    "by-key",
    leaf("name", text),
    container("config", leaf("name", text), leaf("queue-id", integer(0, 255))),
  ),
);

const rates = [leaf("cir", uint64), leaf("cir-pct", percentage), leaf("bc", uint32)];

const schedulerPolicies = container(
  "scheduler-policies",
  list(
    "scheduler-policy",
    ["name"],
    "by-key",
    leaf("name", text),
    container("config", leaf("name", text)),
    container(
      "schedulers",
      list(
        "scheduler",
        ["sequence"],
        "by-key",
        leaf("sequence", uint32),
        container("config", leaf("sequence", uint32), leaf("priority", oneOf("STRICT"))),
        container(
          "inputs",
          list(
            "input",
            ["id"],
            "by-key",
            leaf("id", text),
            container(
              "config",
              leaf("id", text),
              leaf("input-type", oneOf("QUEUE", "IN_PROFILE", "OUT_PROFILE")),
              leaf("queue", text, queueReference),
              leaf("weight", uint64),
            ),
          ),
        ),
        container(
          "output",
          container(
            "config",
            leaf("output-type", oneOf("SCHEDULER", "FWD_GROUP", "INTERFACE")),
            leaf("output-fwd-group", text, groupReference),
          ),
        ),
        container(
          "one-rate-two-color",
          container("config", ...rates, leaf("queuing-behavior", oneOf("SHAPE", "POLICE"))),
        ),
        container(
          "two-rate-three-color",
          container("config", ...rates, leaf("pir", uint64), leaf("pir-pct", percentage), leaf("be", uint32)),
        ),
      ),
    ),
  ),
);

const managementProfiles = container(
  "queue-management-profiles",
  list(
    "queue-management-profile",
    ["name"],
    "by-key",
    leaf("name", text),
    container("config", leaf("name", text)),
    container(
      "wred",
      container(
        "uniform",
        container(
          "config",
          leaf("min-threshold", uint64),
          leaf("max-threshold", uint64),
          leaf("enable-ecn", boolean),
          leaf("drop", boolean),
          leaf("weight", uint32),
          leaf("max-drop-probability-percent", percentage),
        ),
      ),
    ),
  ),
);

const packetType = oneOf("IPV4", "IPV6", "MPLS", "IPV4_MULTICAST", "IPV6_MULTICAST");
/** The same for what comes in by an interface and for what goes out. A queue here may be one that the router has by itself. */
const direction = [
  container(
    "classifiers",
    list(
      "classifier",
      ["type"],
      "by-key",
      leaf("type", packetType),
      container("config", leaf("name", text, "qos/classifiers/classifier"), leaf("type", packetType)),
    ),
  ),
  container(
    "queues",
    list(
      "queue",
      ["name"],
      "by-key",
      leaf("name", text),
      container(
        "config",
        leaf("name", text),
        leaf("queue-management-profile", text, "qos/queue-management-profiles/queue-management-profile"),
      ),
    ),
  ),
  container("scheduler-policy", container("config", leaf("name", text, "qos/scheduler-policies/scheduler-policy"))),
];

const interfaces = container(
  "interfaces",
  list(
    "interface",
    ["interface-id"],
    "by-key",
    leaf("interface-id", text),
    container("config", leaf("interface-id", text)),
    container("interface-ref", container("config", leaf("interface", text), leaf("subinterface", uint32))),
    container("input", ...direction),
    container("output", ...direction),
  ),
);

/** openconfig-qos, as far as the queues of an interface go. */
export const qos = container(
  "qos",
  interfaces,
  classifiers,
  forwardingGroups,
  queues,
  schedulerPolicies,
  managementProfiles,
);
