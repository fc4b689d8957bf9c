// @ts-expect-error: it ships no types.
import nodeNetconf from "node-netconf";
import { expect, test } from "vitest";
import { base, bgpPol, credentials, initial, rpol, TestRouter } from "./netconf-fixture.ts";

type Answer = Readonly<{ rpc_reply: Readonly<Record<string, unknown>>; raw?: string }>;
type Callback = (error: Error | null, answer: Answer) => void;
type Client = {
  raw: boolean;
  readonly sessionID: number;
  readonly remoteCapabilities: readonly string[];
  open(callback: (error: Error | null) => void): void;
  rpc(request: string | object, callback: Callback): void;
  close(callback: Callback): void;
};
const { Client } = nodeNetconf as { Client: new (options: object) => Client };

// Goal: a client made by others, on an old ssh2 and end-of-message framing, reads, edits and commits.
test("node-netconf: get-config, edit-config, commit", async () => {
  const router = await TestRouter.start();
  const client = new Client({ host: "127.0.0.1", port: router.server.port, ...credentials });
  client.raw = true;
  const rpc = (request: object) =>
    new Promise<Answer>((resolve, reject) => {
      const callback: Callback = (error, answer) => (error ? reject(error) : resolve(answer));
      client.rpc({ $: { xmlns: base }, ...request }, callback);
    });
  const source = (name: string) => ({ "get-config": { source: { [name]: null } } });
  try {
    await new Promise<void>((resolve, reject) => client.open((error) => (error ? reject(error) : resolve())));
    expect(client.sessionID).toBe(1);
    expect(client.remoteCapabilities).toContain("urn:ietf:params:netconf:capability:candidate:1.0");
    expect((await rpc(source("running"))).raw).toContain(`<data>${initial}</data>`);

    const statement = {
      name: "net-11",
      actions: {
        "bgp-actions": { $: { xmlns: bgpPol }, "set-as-path-prepend": { config: { "repeat-n": 3, asn: 65000 } } },
      },
    };
    const definition = { name: "TRANSIT-OUT", statements: { statement } };
    const policy = { $: { xmlns: rpol }, "policy-definitions": { "policy-definition": definition } };
    const edit = (config: object) => ({ "edit-config": { target: { candidate: null }, config } });
    expect((await rpc(edit({ "routing-policy": policy }))).rpc_reply).toHaveProperty("ok");
    const refused = rpc(edit({ "routing-policy": { $: { xmlns: rpol }, colour: "red" } }));
    await expect(refused).rejects.toThrow(/unknown-element/);
    expect(router.server.runningText()).toContain("<repeat-n>2</repeat-n>");
    expect((await rpc({ commit: null })).rpc_reply).toHaveProperty("ok");
    expect(router.server.runningText()).toContain("<repeat-n>3</repeat-n>");
    await new Promise<void>((resolve, reject) => client.close((error) => (error ? reject(error) : resolve())));
  } finally {
    await router.stop();
  }
});
