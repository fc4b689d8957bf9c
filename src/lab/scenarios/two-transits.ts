import type { RemoteSource } from "../inbound-choice.ts";
import type { InboundScenario } from "../inbound-scenario.ts";

const mbit = 1e6;
const [a, b] = ["transit-a", "transit-b"];

/**
 * B is two prepends further, so that A is chosen by all. One prepend on A is not felt, or by few; with two, those at equal
 * distance break the tie each in its own way; three are needed to move them all.
 */
const sources: readonly RemoteSource[] = [
  { share: 0.4, distance: { [a]: 2, [b]: 2 }, tieBreak: [a, b] },
  { share: 0.3, distance: { [a]: 2, [b]: 2 }, tieBreak: [b, a] },
  { share: 0.2, distance: { [a]: 3, [b]: 2 }, tieBreak: [a, b] },
  { share: 0.1, distance: { [a]: 4, [b]: 3 }, tieBreak: [b, a] },
];

/** A cheap transit that one prefix alone nearly fills at the peak, and a dearer one with room. */
export const twoTransits: InboundScenario = {
  as: 65000,
  currency: "USD",
  links: [
    {
      name: a,
      capacity: 1_000 * mbit,
      perMbitMonth: 0.2,
      device: "edge-a",
      interface: "eth1",
      neighbor: "192.0.2.1",
      exportPolicy: "TRANSIT-OUT",
      announced: { "10.0.0.0/24": 0, "11.0.0.0/24": 0 },
    },
    {
      name: b,
      capacity: 10_000 * mbit,
      perMbitMonth: 0.6,
      device: "edge-b",
      interface: "eth1",
      neighbor: "198.51.100.1",
      exportPolicy: "TRANSIT-OUT",
      announced: { "10.0.0.0/24": 2, "11.0.0.0/24": 2, "12.0.0.0/24": 0 },
    },
  ],
  demands: [
    { prefix: "10.0.0.0/24", base: 180 * mbit, peak: 180 * mbit, sources },
    { prefix: "11.0.0.0/24", base: 300 * mbit, peak: 900 * mbit, sources },
    { prefix: "12.0.0.0/24", base: 5_000 * mbit, peak: 5_000 * mbit, sources },
  ],
  faulty: "edge-a",
  rebound: { prefix: "10.0.0.0/24", rate: 1_300 * mbit },
};
