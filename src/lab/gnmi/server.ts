import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import type { Clock } from "../../kernel/clock.ts";
import type { ServerCertificate } from "../certificates.ts";
import { encodings, entriesOf, models } from "./leaves.ts";
import {
  type CapabilityResponse,
  type GetRequest,
  type GetResponse,
  loadGnmiService,
  type SubscribeRequest,
  type SubscribeResponse,
} from "./messages.ts";
import { acceptedEncoding, got } from "./notifications.ts";
import { RpcError, select } from "./paths.ts";
import { type GnmiFaults, serveSubscribe, type Target } from "./subscribe.ts";

export type GnmiServer = Readonly<{
  port: number;
  faults: GnmiFaults;
  /** Drops every session and stops listening. Idempotent. */
  stop(): void;
}>;

/** A gNMI 0.10.0 target for telemetry, over TLS, with a name and password in the metadata of every RPC. */
export async function startGnmiServer(options: {
  username: string;
  password: string;
  certificate: ServerCertificate;
  interfaces: Target["interfaces"];
  clock: Clock;
}): Promise<GnmiServer> {
  const { certificate, clock, interfaces } = options;
  const faults: GnmiFaults = { blind: false };
  const target: Target = { interfaces, clock, faults };
  const authenticate = (metadata: Metadata) => {
    const [username, password] = [metadata.get("username"), metadata.get("password")];
    if (username.join() !== options.username || password.join() !== options.password) {
      throw new RpcError(status.UNAUTHENTICATED, "username or password is wrong");
    }
  };
  const unary =
    <Request, Response>(answer: (request: Request) => Response) =>
    (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>) => {
      try {
        authenticate(call.metadata);
        const response = answer(call.request);
        if (!faults.blind) callback(null, response);
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        callback({ code: error.code, details: error.message });
      }
    };

  const server = new Server();
  server.addService(loadGnmiService(), {
    Capabilities: unary<object, CapabilityResponse>(() => ({
      supported_models: models,
      supported_encodings: [...encodings],
      gNMI_version: "0.10.0",
    })),
    Get: unary<GetRequest, GetResponse>((request) => {
      const format = {
        target: request.prefix?.target ?? "",
        encoding: acceptedEncoding(request.encoding, request.use_models),
      };
      const selections = request.path.map((path) => select(request.prefix, path));
      const atMs = clock.now();
      const shown = selections.map((each) => got(atMs, format, each, entriesOf(interfaces(atMs))));
      // Everything served is state: of configuration alone there is none.
      return { notification: request.type === "CONFIG" ? shown.map((each) => ({ ...each, update: [] })) : shown };
    }),
    Subscribe: (call: ServerDuplexStream<SubscribeRequest, SubscribeResponse>) => {
      try {
        authenticate(call.metadata);
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        call.emit("error", { code: error.code, details: error.message });
        return;
      }
      serveSubscribe(call, target);
    },
  });
  const credentials = ServerCredentials.createSsl(null, [
    { private_key: Buffer.from(certificate.key), cert_chain: Buffer.from(certificate.certificate) },
  ]);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) => (error ? reject(error) : resolve(bound))),
  );
  return { port, faults, stop: () => server.forceShutdown() };
}
