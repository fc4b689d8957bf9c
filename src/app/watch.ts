import type { Clock } from "../kernel/clock.ts";
import { attempt, Failure, fail, type Result } from "../kernel/failure.ts";
import type { Loop } from "../loop/loop.ts";
import type { Network } from "../model/inventory.ts";
import type { Journal } from "../model/journal.ts";
import type { Policy } from "../model/policy.ts";
import type { Watch } from "../model/vitals.ts";
import { usualAutonomy } from "../policy/autonomy.ts";
import type { NetworkFold } from "../state/network-fold.ts";
import { cacheTarget } from "../telemetry/rtr/rtr-source.ts";
import type { SampleAges } from "./sample-ages.ts";

type Watched = Readonly<{
  loop: Loop;
  fold: NetworkFold;
  ages: SampleAges;
  journal: Journal;
  network: Network;
  policies: readonly Policy[];
  clock: Clock;
}>;

/** Whoever asks for health must not keep the disk busy. */
const probeEveryMs = 5_000;

/** The controller as it sees itself, for metrics and health. */
export function watchOf({ loop, fold, ages, journal, network, policies, clock }: Watched): Watch {
  const startedMs = clock.now();
  const caches = new Set(network.rpki?.caches.map(cacheTarget));
  let probed: Readonly<{ atMs: number; found: Promise<Result<void>> }> | undefined;

  async function probe(): Promise<Result<void>> {
    try {
      return await attempt(() => journal.probe());
    } catch (error) {
      const message = `the journal cannot be written: ${error instanceof Error ? error.message : String(error)}`;
      return fail(
        new Failure("JOURNAL_BROKEN", message, { mend: "make room on its disk, and see who may write there" }),
      );
    }
  }

  return {
    async vitals() {
      return {
        atMs: clock.now(),
        startedMs,
        failed: loop.failed,
        policies: policies.map((policy) => {
          const { mode, meanError } = loop.autonomy.of(policy);
          const lookedMs = loop.lookedMs.get(policy.name);
          return {
            policy: policy.name,
            dueMs: Math.max(policy.trigger.everyMs, network.telemetry.intervalMs),
            ...(lookedMs === undefined ? {} : { lookedMs }),
            mode: { written: policy.mode, earned: mode },
            ...(meanError === undefined ? {} : { meanError }),
            maxPredictionError: (policy.autonomy ?? usualAutonomy).maxPredictionError,
          };
        }),
        sources: [...loop.targets()].map(([source, { state }]) => {
          const newestMs = ages.newestMs(source);
          return {
            source,
            tells: caches.has(source) ? "route-origins" : "samples",
            state,
            ...(newestMs === undefined ? {} : { newestMs }),
          };
        }),
        refusedSamples: fold.refusedSamples,
        unknownSeries: fold.unknownSeries,
        recovering: loop.recovering.size,
        journalEntries: await journal.count(),
      };
    },
    journalWritable() {
      const nowMs = clock.now();
      if (!probed || Math.abs(nowMs - probed.atMs) >= probeEveryMs) probed = { atMs: nowMs, found: probe() };
      return probed.found;
    },
  };
}
