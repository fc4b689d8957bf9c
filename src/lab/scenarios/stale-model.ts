import type { AnycastLabScenario } from "../anycast-network.ts";
import type { RemoteSource } from "../inbound-choice.ts";

const mbit = 1e6;
const [paris, london, tokyo] = ["transit-p", "transit-l", "transit-t"];

/** Each source goes to its nearest site; with three prepends on Paris, those of Paris go to London, or some to Tokyo. */
const sources: readonly RemoteSource[] = [
  { share: 0.3, distance: { [paris]: 2, [london]: 3, [tokyo]: 5 }, tieBreak: [paris, london, tokyo] },
  { share: 0.1, distance: { [paris]: 2, [london]: 4, [tokyo]: 4 }, tieBreak: [paris, tokyo, london] },
  { share: 0.3, distance: { [paris]: 3, [london]: 2, [tokyo]: 5 }, tieBreak: [london, paris, tokyo] },
  { share: 0.3, distance: { [paris]: 5, [london]: 5, [tokyo]: 2 }, tieBreak: [tokyo, paris, london] },
];

/** A router's own prefix, beside the one that all announce: it must stay as it is. */
const link = (name: string, city: string, device: string, neighbor: string, own: string) => ({
  ...{ name, device, neighbor, interface: "eth1", exportPolicy: `TRANSIT-${city}` },
  ...{ capacity: 1_000 * mbit, perMbitMonth: 0.3 },
  announced: { "10.64.0.0/24": 0, [own]: 1 },
});

/** Three sites answer for one prefix. The registry moves to a new model, and Paris goes on serving the old one. */
export const staleModel: AnycastLabScenario = {
  as: 65000,
  currency: "USD",
  links: [
    link(paris, "P", "edge-p", "192.0.2.1", "10.1.0.0/24"),
    link(london, "L", "edge-l", "192.0.2.5", "10.2.0.0/24"),
    link(tokyo, "T", "edge-t", "192.0.2.9", "10.3.0.0/24"),
  ],
  demands: [{ prefix: "10.64.0.0/24", base: 900 * mbit, peak: 900 * mbit, sources }],
  faulty: "edge-p",
  rebound: { prefix: "10.64.0.0/24", rate: 2_400 * mbit },
  anycast: {
    name: "chat",
    prefix: "10.64.0.0/24",
    minSites: 2,
    golden: { prompt: "What is 2 + 2? Answer with the number.", answer: "4" },
    maxLatencyMs: 400,
    sites: [
      { name: "paris", device: "edge-p", link: paris },
      { name: "london", device: "edge-l", link: london },
      { name: "tokyo", device: "edge-t", link: tokyo },
    ],
  },
  versions: { before: "llama-7", after: "llama-8", leftBehind: "paris" },
};
