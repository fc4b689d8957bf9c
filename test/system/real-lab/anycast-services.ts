import { readFileSync } from "node:fs";
import type { Namespace, Running } from "./namespace.ts";

/** A site, or the registry: says who it is and which version it has, which it reads from /run/version for every request. */
const server = `
const [name, ...addresses] = process.argv.slice(1);
const { readFileSync } = require("node:fs");
const answer = (request, response) => {
  request.resume().on("end", () => {
    const version = readFileSync("/run/version", "utf8").trim();
    response.setHeader("connection", "close");
    response.end(JSON.stringify({ name, version, answer: "4" }));
  });
};
const listen = (at) => new Promise((done) => {
  const [host, port] = at.split(":");
  require("node:http").createServer(answer).listen(Number(port), host, done);
});
Promise.all(addresses.map(listen)).then(() => console.log("serving"));`;

export async function startServer(namespace: Namespace, name: string, addresses: readonly string[]): Promise<Running> {
  return namespace.start([process.execPath, "-e", server, name, ...addresses], /serving/);
}

export async function setVersion(namespace: Namespace, version: string): Promise<void> {
  await namespace.run(["sh", "-c", "cat > /run/version.next && mv /run/version.next /run/version"], `${version}\n`);
}

/**
 * A request every 50 ms, each on a connection of its own; one that fails is asked once more, as a browser would: what a route's
 * move catches in the middle of its millisecond is reset. A line each: who answered, or \`lost\`, and how often it was asked.
 */
const client = `
const [url, log] = process.argv.slice(1);
const { appendFileSync } = require("node:fs");
const ask = () => new Promise((resolve) => {
  const request = require("node:http").get(url, { agent: false, timeout: 2000 }, (response) => {
    let text = "";
    response.on("data", (chunk) => { text += chunk; });
    response.on("error", () => resolve());
    response.on("end", () => resolve(response.complete ? JSON.parse(text).name : undefined));
  });
  request.on("timeout", () => request.destroy(new Error("timeout"))).on("error", () => resolve());
});
(async () => {
  for (let first = true; ; first = false) {
    const once = await ask();
    const name = once ?? await ask();
    appendFileSync(log, (name ?? "lost") + " " + (once ? 1 : 2) + "\\n");
    if (first) console.log("asking");
    await new Promise((done) => setTimeout(done, 50));
  }
})();`;

export type Requests = Readonly<{
  /** Every request so far: the site that answered, or \`lost\`. */
  answers(): readonly string[];
  askedTwice(): number;
  stop(): Promise<void>;
}>;

/** \`log\` is a file that both the namespace and this process see. */
export async function startRequests(from: Namespace, url: string, log: string): Promise<Requests> {
  const running = await from.start([process.execPath, "-e", client, url, log], /asking/);
  const lines = () => readFileSync(log, "utf8").trimEnd().split("\n");
  return {
    answers: () => lines().map((line) => line.split(" ")[0] ?? ""),
    askedTwice: () => lines().filter((line) => line.endsWith(" 2")).length,
    stop: running.stop,
  };
}
