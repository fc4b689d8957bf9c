import { fileURLToPath } from "node:url";
import type { ServiceDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

/** Messages of gnmi.proto as the loader gives and takes them: 64-bit integers as decimal text, enums by name. */
export type Path = { element?: string[]; origin?: string; elem?: PathElem[]; target?: string };
export type PathElem = { name: string; key?: Record<string, string> };
export type TypedValue = { string_val: string } | { uint_val: string } | { json_ietf_val: Buffer };
export type Notification = { timestamp: string; prefix: Path; update: { path: Path; val: TypedValue }[] };
export type Model = { name: string; organization: string; version: string };
export type CapabilityResponse = { supported_models: Model[]; supported_encodings: string[]; gNMI_version: string };
export type GetRequest = {
  prefix: Path | null;
  path: Path[];
  type: "ALL" | "CONFIG" | "STATE" | "OPERATIONAL";
  encoding: string | number;
  use_models: Model[];
};
export type GetResponse = { notification: Notification[] };
export type Subscription = {
  path: Path | null;
  mode: "TARGET_DEFINED" | "ON_CHANGE" | "SAMPLE";
  sample_interval: string;
  suppress_redundant: boolean;
  heartbeat_interval: string;
};
export type SubscriptionList = {
  prefix: Path | null;
  subscription: Subscription[];
  mode: "STREAM" | "ONCE" | "POLL";
  use_models: Model[];
  encoding: string | number;
  updates_only: boolean;
};
export type SubscribeRequest = { subscribe?: SubscriptionList; poll?: object };
export type SubscribeResponse = { update: Notification } | { sync_response: true };

/** The gNMI service, with protobufjs as its codec: another one than the telemetry client's, so that each checks the other. */
export function loadGnmiService(): ServiceDefinition {
  const definitions = loadSync(fileURLToPath(new URL("./gnmi.proto", import.meta.url)), {
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
    oneofs: false,
  });
  return definitions["gnmi.gNMI"] as ServiceDefinition;
}
