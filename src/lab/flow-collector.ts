import type { Clock } from "../kernel/clock.ts";
import type { EmulatedNetwork, Reading } from "./network.ts";
import type { SeriesHistory } from "./series-history.ts";

/** Once per interval, writes what flow export would show of the interval past. Returns what stops it. */
export function startFlowCollector(options: {
  network: EmulatedNetwork;
  history: SeriesHistory;
  clock: Clock;
  intervalMs: number;
}): () => void {
  const { network, history, clock, intervalMs } = options;
  const read = () => {
    const atMs = clock.now();
    const readings = network.readings(atMs);
    return { atMs, readings, bits: new Map(readings.map((reading) => [keyOf(reading), bitsOf(reading)])) };
  };
  let before = read();
  const collect = () => {
    const now = read();
    const seconds = (now.atMs - before.atMs) / 1000;
    cancel = clock.after(intervalMs, collect);
    if (seconds <= 0) return; // the wall clock was set back
    for (const reading of now.readings) {
      const value =
        "value" in reading ? reading.value : (reading.bits - (before.bits.get(keyOf(reading)) ?? 0)) / seconds;
      history.add(reading.labels, { atMs: now.atMs, value });
    }
    before = now;
  };
  let cancel = clock.after(intervalMs, collect);
  return () => cancel();
}

const keyOf = ({ labels }: Reading) => JSON.stringify(labels);
const bitsOf = (reading: Reading) => ("bits" in reading ? reading.bits : 0);
