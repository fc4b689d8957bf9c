import { fileURLToPath } from "node:url";
import type { ServiceDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

/** protobufjs, by way of proto-loader: shares nothing with the reader under test. 64-bit integers are decimal text. */
export const service = loadSync(fileURLToPath(new URL("gnmi.proto", import.meta.url)), {
  longs: String,
  keepCase: true,
})["gnmi.gNMI"] as ServiceDefinition;

export type PathMessage = {
  origin?: string;
  element?: string[];
  elem?: { name: string; key?: Record<string, string> }[];
};
export type ValueMessage = Record<string, unknown>;
export type UpdateMessage = { path?: PathMessage; val?: ValueMessage; value?: { value: Buffer; type: number } };
export type NotificationMessage = {
  timestamp?: string;
  prefix?: PathMessage;
  update?: UpdateMessage[];
  delete?: PathMessage[];
  atomic?: boolean;
};
export type ResponseMessage =
  | { update: NotificationMessage }
  | { sync_response: boolean }
  | { error: { code: number; message: string } };

const { Subscribe } = service as unknown as {
  Subscribe: {
    responseSerialize(message: ResponseMessage): Buffer;
    responseDeserialize(bytes: Buffer): ResponseMessage;
    requestDeserialize(bytes: Buffer): RequestMessage;
  };
};

export type RequestMessage = {
  subscribe: {
    subscription?: { path: { elem: { name: string; key?: Record<string, string> }[] }; sample_interval?: string }[];
  };
};

export const encodeResponse = (message: ResponseMessage): Buffer => Subscribe.responseSerialize(message);

export const decodeRequest = (bytes: Buffer): RequestMessage => Subscribe.requestDeserialize(bytes);

/** Undefined when they are no response. */
export function decodeResponse(bytes: Buffer): ResponseMessage | undefined {
  try {
    return Subscribe.responseDeserialize(bytes);
  } catch {
    return undefined;
  }
}

/** `/interfaces/interface[name=eth1]/state` as elements; a test's own shorthand, without escapes. */
export function path(text: string): PathMessage {
  return {
    elem: (text.match(/[^/[]+(\[[^\]]*\])*/g) ?? []).map((part) => {
      const [name = "", ...keys] = part.split("[");
      const pairs = keys.map((key) => key.replace("]", "").split("=") as [string, string]);
      return { name, key: Object.fromEntries(pairs) };
    }),
  };
}

export const octetsPath = (direction: "in" | "out", name = "eth1") =>
  path(`/interfaces/interface[name=${name}]/state/counters/${direction}-octets`);
