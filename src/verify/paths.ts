import { formatRate } from "../kernel/units.ts";
import type { LinkName } from "../model/inventory.ts";
import { drainedLinks } from "../model/scope.ts";
import type { SignalName } from "../model/signal.ts";
import type { Finding, VerifyInput } from "./input.ts";

/** Of what was promised, so much must be seen: traffic breathes, and samples are not of one moment. */
const enough = 0.5;

/**
 * Do new segment-routing paths carry what was moved to them? A path may be up and lead nowhere. For each flow that was moved:
 * its headend still takes in as much; every link that it newly uses carries more, and every link that it uses on carries
 * what it did. Links that are drained carry less. `fresh`: a value measured since the push.
 */
export function judgePaths(
  { network, policy, decision, before }: VerifyInput,
  fresh: (signal: SignalName, name: string) => number | undefined,
): Finding[] {
  const { flows, links } = decision.predicted;
  if (decision.action !== "segment-routing") return [];
  const was = (signal: SignalName, name: string) => before.signals.get(signal)?.get(name)?.value ?? Number.NaN;
  const now = (signal: SignalName, name: string) => fresh(signal, name) ?? Number.NaN;
  // What it was predicted for may have shrunk while it waited for approval.
  const predicted = flows.reduce((sum, { rate }) => sum + rate, 0);
  const sent = flows.reduce((sum, { flow }) => sum + was("flow.rate", flow), 0);
  const scale = predicted > 0 ? Math.min(1, sent / predicted) : 0;
  /** Bit/s by which the link's load was to change. */
  const promised = (name: LinkName) => {
    const one = links.find(({ link }) => link === name);
    const capacity = network.links.find((link) => link.name === name)?.capacity ?? 0;
    return one ? (one.after.utilisation - one.before.utilisation) * capacity * scale : 0;
  };
  const entered = new Set(
    flows.flatMap(({ before: { links: old }, after }) => after.links.filter((l) => !old.includes(l))),
  );
  const stayed = new Set(
    flows.flatMap(({ before: { links: old }, after }) => after.links.filter((l) => old.includes(l))),
  );
  const drained = "drain" in policy.scope ? drainedLinks(network, policy.scope.drain).map(({ name }) => name) : [];

  const headends = flows.map(({ flow }): Finding => {
    const [then, since] = [was("flow.rate", flow), now("flow.rate", flow)];
    const text = `${flow}: its headend takes in ${rate(since)}, ${rate(then)} before`;
    return { text, held: since >= enough * then };
  });
  const change = (name: LinkName) => now("link.rate.out", name) - was("link.rate.out", name);
  const gaining = [...entered]
    .filter((name) => promised(name) > 0)
    .map((name): Finding => {
      const text = `${name}: carries ${rate(Math.max(0, change(name)))} more, of ${rate(promised(name))} that new paths bring`;
      return { text, held: change(name) >= enough * promised(name) };
    });
  const keeping = [...stayed].map((name): Finding => {
    const expected = was("link.rate.out", name) + Math.min(0, promised(name));
    const text = `${name}: goes on carrying ${rate(now("link.rate.out", name))}, of ${rate(expected)} expected`;
    return { text, held: now("link.rate.out", name) >= enough * expected };
  });
  const losing = drained
    .filter((name) => promised(name) < 0)
    .map((name): Finding => {
      const text = `${name}: carries ${rate(Math.max(0, -change(name)))} less, of ${rate(-promised(name))} that are led around it`;
      return { text, held: -change(name) >= enough * -promised(name) };
    });
  return [...headends, ...gaining, ...keeping, ...losing];
}

const rate = (value: number) => (Number.isNaN(value) ? "an unknown rate" : formatRate(value));
