import type { XmlElement } from "../kernel/xml.ts";
import type { DeviceName, LinkName } from "../model/inventory.ts";
import type { InterfaceState } from "./gnmi/leaves.ts";

/** The truth of the traffic model at one instant; utilisation and loss are ratios, cost is money per hour. */
export type LabMeasurement = {
  atMs: number;
  utilisation: Record<LinkName, number>;
  /** By prefix where traffic comes in, by flow in a backbone. */
  loss: Record<string, number>;
  costPerHour: number;
  /** By which link most of the prefix's traffic enters; no entry when none does. */
  entry: Record<string, LinkName>;
  /** By flow: propagation and the wait for the line, over the worst of its paths. */
  latencyP99Ms: Record<string, number>;
  /** Every service class, where there are any. */
  classes: Record<string, ClassMeasurement>;
};

/** The worst latency of its flows, what all of them lose, and bit/s that arrive; then what its users and machines feel of it. */
export type ClassMeasurement = {
  latencyP99Ms: number;
  loss: number;
  carried: number;
  firstTokenP95Ms?: number;
  requestsWaiting?: number;
  gpuUtilisation?: number;
};

/** One series that flow export gives: bits since the start are shown as a rate over the interval past, a value as it is. */
export type Reading = Readonly<{ labels: Readonly<Record<string, string>> }> &
  Readonly<{ bits: number } | { value: number }>;

/** The scenario's own part of pointsman.yaml. */
export type InventoryPart = Readonly<{
  as: number;
  /** Beside name, platform and access. */
  devices: Readonly<Record<DeviceName, object>>;
  links: readonly object[];
  prefixes: readonly string[];
  /** PromQL queries by what they are for. */
  queries: object;
  classes?: readonly object[];
  flows?: readonly object[];
  /** Services, given the URL of each of the network's web servers. */
  anycast?: (urlOf: (name: string) => string) => readonly object[];
}>;

/** What a web server of the network says at a moment, and how long it takes over it. */
export type WebService = Readonly<{
  name: string;
  answer(atMs: number, prompt: string | undefined): Readonly<{ body: object; afterMs: number }>;
}>;

/** A document of kind TrafficClass. */
export type ClassDocument = Readonly<{
  apiVersion: "pointsman/v1";
  kind: "TrafficClass";
  metadata: Readonly<{ name: string; description: string }>;
  spec: object;
}>;

/** An emulated network as the lab's servers need it, whatever its traffic. It has no clock: each method moves it on to `atMs`. */
export type EmulatedNetwork = Readonly<{
  /** The children of `<config>` that each router starts with. */
  configurations: Readonly<Record<DeviceName, string>>;
  /** The router's running configuration is now this one. */
  configure(device: DeviceName, running: XmlElement, atMs: number): void;
  interfaces(device: DeviceName, atMs: number): readonly InterfaceState[];
  readings(atMs: number): readonly Reading[];
  measure(atMs: number): LabMeasurement;
  /** Once something is changed, senders that were held back fill the network again, which no prediction knows. */
  rebound(atMs: number): void;
  inventory: InventoryPart;
  /** The service classes, which stand in files beside pointsman.yaml. */
  classDocuments: readonly ClassDocument[];
  web?: readonly WebService[];
  /** The router that the faults `dead-router` and `lying-commit` befall: one that the change is to touch. */
  faulty: DeviceName;
}>;

/** No digits that only floating point put there: a sum of shares is 1 only to the last bits. */
export const lossRatio = (offered: number, delivered: number) =>
  offered > 0 ? Math.round((1 - delivered / offered) * 1e9) / 1e9 : 0;
