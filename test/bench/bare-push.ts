// @ts-expect-error: it ships no types.
import nodeNetconf from "node-netconf";
import type { Management } from "../../src/model/inventory.ts";

type Callback = (error: Error | null) => void;
type Client = {
  open(callback: Callback): void;
  rpc(request: object, callback: Callback): void;
  close(callback: Callback): void;
};
const { Client } = nodeNetconf as { Client: new (options: object) => Client };

const base = "urn:ietf:params:xml:ns:netconf:base:1.0";

/** Milliseconds that `node-netconf` takes to connect, edit one prefix-set name into the candidate, and commit. */
export async function barePush({ host, port, username }: Management, password: string): Promise<number> {
  const startedMs = performance.now();
  const client = new Client({ host, port, username, password });
  const call = (work: (done: Callback) => void) =>
    new Promise<void>((resolve, reject) => work((error) => (error ? reject(error) : resolve())));
  const rpc = (request: object) => call((done) => client.rpc({ $: { xmlns: base }, ...request }, done));
  await call((done) => client.open(done));
  const set = { "prefix-set": { name: "bench", config: { name: "bench" } } };
  const policy = { $: { xmlns: "http://openconfig.net/yang/routing-policy" }, "defined-sets": { "prefix-sets": set } };
  await rpc({ "edit-config": { target: { candidate: null }, config: { "routing-policy": policy } } });
  await rpc({ commit: null });
  const tookMs = performance.now() - startedMs;
  await call((done) => client.close(done));
  return tookMs;
}
