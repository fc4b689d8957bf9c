import type { DeviceName } from "../model/inventory.ts";
import type { BackboneFlow, BackboneLink, SegmentRoutingNode } from "./backbone-traffic.ts";
import type { Serving, Training } from "./service-load.ts";

/** A direction's link, and the interfaces at both of its ends: what the far one counts as received is the opposite link. */
export type BackboneScenarioLink = BackboneLink & Readonly<{ interface: string; toInterface: string; qos?: true }>;

/** As pointsman.yaml has it. */
export type ScenarioClass = Readonly<{
  name: string;
  prefers: "latency" | "capacity" | "remainder";
  maxDelay?: string;
  maxLoss?: string;
}>;

/** A service class: the document that says what it needs, as it is written, and the machines that its traffic is for. */
export type ScenarioService = Readonly<{
  name: string;
  description: string;
  spec: Readonly<{
    path: Readonly<{ prefers: ScenarioClass["prefers"]; maxDelay?: string; maxLoss?: string }>;
    dscp: number;
    queue: string;
    color: number;
    priority: number;
    floor: string;
    sheds: readonly string[];
    budget: Readonly<{ changes: number; per: string }>;
    signals: readonly object[];
    objectives: readonly object[];
    conditions?: readonly object[];
  }>;
  serving?: Serving;
  training?: Training;
}>;

export type BackboneScenario = Readonly<{
  as: number;
  nodes: Readonly<Record<DeviceName, SegmentRoutingNode>>;
  links: readonly BackboneScenarioLink[];
  classes: readonly ScenarioClass[];
  services?: readonly ScenarioService[];
  flows: readonly (Omit<BackboneFlow, "service" | "dscp"> & Readonly<{ class: string }>)[];
  /** Where the lab's own would be too soon, or too steep. */
  timing?: Readonly<{ peakAfterMs: number; rampMs: number }>;
  faulty: DeviceName;
  /** bit/s that the flow's senders offer once something was changed. */
  rebound: Readonly<{ flow: string; rate: number }>;
}>;

/** Routers with the addresses and node SIDs that follow from their place: 10.255.0.1 and 16001 for the first. */
export function routers(...names: DeviceName[]): BackboneScenario["nodes"] {
  return Object.fromEntries(
    names.map((name, index) => [name, { address: `10.255.0.${index + 1}`, sid: 16_001 + index }]),
  );
}

/** Both directions of each line, on interfaces that each router numbers in order. `background` (bit/s) and `qos` are of what `a` sends to `b`. */
export function bothWays(
  lines: readonly Readonly<{
    a: DeviceName;
    b: DeviceName;
    capacity: number;
    metric: number;
    delayMs: number;
    background?: number;
    qos?: true;
  }>[],
): readonly BackboneScenarioLink[] {
  const used = new Map<DeviceName, number>();
  const nextInterface = (device: DeviceName) => {
    const number = (used.get(device) ?? 0) + 1;
    used.set(device, number);
    return `eth${number}`;
  };
  return lines.flatMap(({ a, b, background, qos, ...line }) => {
    const [atA, atB] = [nextInterface(a), nextInterface(b)];
    return [
      {
        ...{ ...line, name: `${a}-${b}`, device: a, interface: atA, to: b, toInterface: atB },
        ...{ background: background ?? 0, ...(qos && { qos }) },
      },
      { ...line, name: `${b}-${a}`, device: b, interface: atB, to: a, toInterface: atA },
    ];
  });
}
