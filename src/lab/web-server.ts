import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock } from "../kernel/clock.ts";
import type { WebService } from "./network.ts";

export type WebServer = Readonly<{
  name: string;
  port: number;
  /** From now on it takes connections and says nothing. */
  fallSilent(): void;
  stop(): Promise<void>;
}>;

const longestBody = 65_536;

/** A small HTTP server on a free port of 127.0.0.1: a site's probe, or the registry. A POST's JSON may hold a `prompt`. */
export async function startWebServer(service: WebService, clock: Clock): Promise<WebServer> {
  let silent = false;
  const waiting = new Set<() => void>();
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
      if (text.length > longestBody) request.destroy();
    });
    request.on("end", () => {
      if (silent) return;
      const { body, afterMs } = service.answer(clock.now(), promptOf(text));
      const send = () => {
        if (silent) return;
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify(body));
      };
      if (afterMs === 0) return send();
      const cancel = clock.after(afterMs, () => {
        waiting.delete(cancel);
        send();
      });
      waiting.add(cancel);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  return {
    name: service.name,
    port: (server.address() as AddressInfo).port,
    fallSilent() {
      silent = true;
    },
    stop: () =>
      new Promise((resolve) => {
        for (const cancel of waiting) cancel();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function promptOf(text: string): string | undefined {
  try {
    const { prompt } = Object(JSON.parse(text)) as { prompt?: unknown };
    return typeof prompt === "string" ? prompt : undefined;
  } catch {
    return undefined;
  }
}
