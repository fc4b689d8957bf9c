import { afterAll, beforeAll, expect, test } from "vitest";
import { unwrap } from "../../src/kernel/failure.ts";
import { type AnycastLab, startAnycastLab } from "./real-lab/anycast-lab.ts";
import { eventually } from "./real-lab/eventually.ts";
import { type LabController, startOnLab } from "./real-lab/running-controller.ts";

let lab: AnycastLab;
let running: LabController;

beforeAll(async () => {
  lab = await startAnycastLab();
  running = await startOnLab(lab.folder);
});
afterAll(async () => {
  await running?.stop();
  await lab?.requests.stop();
  await lab?.stop();
});

const configs = async () => [await lab.sites.paris.runningConfig(), await lab.sites.london.runningConfig()];

/** Approves the next proposal, which must be this step, and waits until it is confirmed. */
async function step(from: string, to: string, why: string) {
  const proposal = await running.proposal();
  const change = { action: "anycast-drain", device: "edge-p", link: "transit-p", site: "paris", from, to };
  expect(proposal.decision.changes).toEqual([{ ...change, prefix: "10.64.0.0/24", prepends: 3 }]);
  expect(proposal.decision.reason).toContain(why);
  unwrap(await running.controller.approve(proposal.id, "ann"));
  await running.inState(proposal.id, "confirmed");
  return proposal;
}

/** The site that has answered the client's last second. */
const answering = (site: string) =>
  eventually(`${site} answers everything`, 20_000, async () =>
    lab.requests
      .answers()
      .slice(-15)
      .every((one) => one === site),
  );

// Goal: with real FRR routers, BGP, HTTP and TCP: a site that stays behind is drained and then withdrawn, and comes back in the same
// steps once it is well; the client beyond the upstream loses no request, and the configurations end byte for byte as they began.
test("a stale site leaves its anycast service in two steps, and comes back in two", async () => {
  const before = await configs();
  await answering("paris");

  await lab.sites.london.serve("llama-8");
  await lab.release("llama-8");
  const drain = await step("announced", "drained", "serves llama-7 while the registry says llama-8");
  expect(drain.diffs["edge-p"]).toContain("+ set community graceful-shutdown additive");
  await answering("london");
  expect(await lab.paths(), "the drained route still stands").toEqual([
    { path: "65000 65000", communities: "" },
    { path: "65000 65000 65000 65000", communities: "graceful-shutdown" },
  ]);

  await step("drained", "withdrawn", "still unwell");
  expect(await lab.paths()).toEqual([{ path: "65000 65000", communities: "" }]);

  await lab.sites.paris.serve("llama-8");
  await step("withdrawn", "drained", "well again");
  expect(await lab.paths()).toHaveLength(2);
  await step("drained", "announced", "well again");
  await answering("paris");
  expect(await configs()).toEqual(before);

  const answers = lab.requests.answers();
  console.log(JSON.stringify({ requests: answers.length, askedTwice: lab.requests.askedTwice() }));
  expect(answers.filter((one) => one === "lost")).toEqual([]);
  expect(lab.requests.askedTwice(), "only what was on its way when a route moved").toBeLessThan(5);
});
