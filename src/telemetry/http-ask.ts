import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { Clock } from "../kernel/clock.ts";

/** More than any health answer; a golden answer is a sentence. */
const maxBytes = 64 << 10;

/** `why` completes "it …". `odd`: something is there, and did not answer with a 200 of at most 64 KiB. */
export type Answer = Readonly<
  { kind: "read"; text: string; tookMs: number } | { kind: "odd"; why: string } | { kind: "silent"; why: string }
>;

/**
 * One request on a connection of its own: POST with a JSON body, or GET without. No redirects, proxies or credentials. `text` is
 * the body as it came, `tookMs` the time from the first step of connecting to the last byte.
 */
export function ask(
  url: string,
  { clock, timeoutMs, body, stopped }: { clock: Clock; timeoutMs: number; body?: object; stopped: AbortSignal },
): Promise<Answer> {
  const startedMs = clock.now();
  const ended = new AbortController();
  const content = body && JSON.stringify(body);
  return new Promise((resolve) => {
    const settle = (answer: Answer) => {
      cancel();
      resolve(answer);
      ended.abort();
    };
    const silent = (how: string) => settle({ kind: "silent", why: `does not answer: ${how}` });
    const odd = (how: string) => settle({ kind: "odd", why: `answers with ${how}` });
    const cancel = clock.after(timeoutMs, () => silent(`nothing whole within ${timeoutMs / 1000} s`));
    const request = (url.startsWith("https:") ? requestHttps : requestHttp)(url, {
      method: content === undefined ? "GET" : "POST",
      agent: false,
      signal: AbortSignal.any([ended.signal, stopped]),
      headers: {
        accept: "application/json",
        ...(content === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(content) }),
      },
    });
    // What comes after the first word changes nothing.
    const onError = (error: Error & { code?: string }) => silent(error.code ?? error.message);
    request.on("error", onError);
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("error", onError);
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxBytes) odd(`more than ${maxBytes >> 10} KiB`);
        else chunks.push(chunk);
      });
      response.on("end", () => {
        if (response.statusCode !== 200) odd(`HTTP ${response.statusCode}`);
        else settle({ kind: "read", text: Buffer.concat(chunks).toString("utf8"), tookMs: clock.now() - startedMs });
      });
      response.on("close", () => silent("the connection was cut"));
    });
    request.end(content);
  });
}
