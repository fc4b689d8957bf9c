import type { ScenarioName } from "../../src/lab/scenarios/names.ts";
import type { Mode } from "../../src/model/policy.ts";

/**
 * `lying`: a router says ok to a commit and applies nothing. `dead`: a router is away for a while, at any moment. `worse`: every
 * change makes the network worse, and is taken back.
 */
export type SceneFault = "none" | "lying" | "dead" | "worse";

/** A lab, a policy that keeps changing it, and what goes wrong there. */
export type Scene = Readonly<{
  scenario: ScenarioName;
  mode: Mode;
  fault: SceneFault;
  policy: string;
  /** Of telemetry and evaluations. */
  intervalMs: number;
  /** About how many NETCONF operations a change takes, from its dry run to its end. */
  operations: number;
}>;

/** Six routers tell three times as much as two: a machine that does more than this must keep up. */
const [transitsMs, backboneMs] = [200, 400];
/** Long enough to ask the routers what they have before the next change begins. */
const holdMs = 1_500;

const spec = (
  mode: Mode,
  intervalMs: number,
  scope: string,
  trigger: string,
  decide: string,
  guard: string,
  require: string,
) =>
  `apiVersion: pointsman/v1
kind: Policy
metadata: { name: restless, description: Decides again as soon as it may. }
spec:
  mode: ${mode}
  scope: ${scope}
  trigger: { ${trigger}, for: 2 of 3, every: ${intervalMs}ms }
  decide: ${decide}
  guard: { ${guard}, freshness: 25 intervals, coverage: 50%, surviveAnyLinkFailure: true }
  approve: { people: 1, expires: 15m }
  verify: { observe: ${2 * intervalMs}ms, require: ["${require}"], forbid: [] }
  hold: ${holdMs}ms
`;

/** One router of two changes its prepends. */
const transits = (mode: Mode) =>
  spec(
    mode,
    transitsMs,
    "{ links: { role: transit } }",
    "signal: link.utilisation.in, above: 85%, clear: 65%",
    "{ action: bgp-prepend, objective: cost, maxPrepends: 3, target: 75% }",
    "maxDevices: 2, maxTrafficMoved: 30%",
    "link.utilisation.in below 85%",
  );

/** Three routers of six steer their flows, all or none. */
const drain = (mode: Mode) =>
  spec(
    mode,
    backboneMs,
    "{ drain: core-b }",
    "signal: link.utilisation.out, above: 2%, clear: 1%",
    "{ action: segment-routing, target: 75%, maxSegments: 3 }",
    "maxDevices: 4, maxTrafficMoved: 100%",
    "link.utilisation.out below 80%",
  );

const onTransits = (mode: Mode, fault: SceneFault): Scene => ({
  ...{ scenario: "two-transits", mode, fault, intervalMs: transitsMs, operations: 40 },
  policy: transits(mode),
});
const onBackbone = (mode: Mode, fault: SceneFault): Scene => ({
  ...{ scenario: "maintenance-drain", mode, fault, intervalMs: backboneMs, operations: 120 },
  policy: drain(mode),
});

/** In turns. */
export const scenes: readonly Scene[] = [
  onTransits("auto", "none"),
  onBackbone("auto", "none"),
  onBackbone("propose", "dead"),
  onTransits("propose", "lying"),
  onBackbone("auto", "worse"),
  onTransits("auto", "dead"),
  onBackbone("auto", "lying"),
  onTransits("propose", "worse"),
];
