import { join } from "node:path";
import { startController } from "../../../src/app/controller.ts";
import { claimStateFolder } from "../../../src/app/state-folder.ts";
import { secretResolver } from "../../../src/config/secrets.ts";
import { loadSettings } from "../../../src/config/settings.ts";
import { systemClock } from "../../../src/kernel/clock.ts";
import { unwrap } from "../../../src/kernel/failure.ts";
import { seededRandom } from "../../../src/kernel/random.ts";
import type { Change, ChangeState } from "../../../src/model/change.ts";
import type { Controller } from "../../../src/model/controller.ts";
import { eventually } from "./eventually.ts";

export type LabController = Readonly<{
  controller: Controller;
  proposal(): Promise<Change>;
  /** Resolves with the change in that state; throws when it has ended in another. */
  inState(id: string, state: ChangeState): Promise<Change>;
  stop(): Promise<void>;
}>;

const withinMs = 60_000;

/** A controller on a real lab's `pointsman.yaml`. */
export async function startOnLab(folder: string): Promise<LabController> {
  const stateFolder = await claimStateFolder(join(folder, "state"));
  const running = await startController({
    settings: unwrap(await loadSettings(join(folder, "pointsman.yaml"))),
    stateFolder,
    apiPort: 0,
    resolveSecret: secretResolver(folder, process.env),
    clock: systemClock,
    random: seededRandom(1),
    onTransition: () => undefined,
    onConclusion: ({ target, reason }) => console.warn(target, reason),
    onTrouble: ({ where, failure }) => console.warn(where, failure?.message ?? "is well"),
  });
  const { controller } = running;
  return {
    controller,
    proposal: () =>
      eventually<Change>("a proposal", withinMs, async () =>
        (await controller.changes()).find((change) => change.state === "awaiting-approval"),
      ),
    inState: (id, state) =>
      eventually(`${id} is ${state}`, withinMs, async () => {
        const change = unwrap(await controller.change(id));
        if (["aborted", "rolled-back", "stuck"].includes(change.state) && change.state !== state) {
          throw new Error(`${id} is ${change.state}: ${JSON.stringify(change.outcome)}`);
        }
        return change.state === state && change;
      }),
    stop: async () => {
      await running.stop();
      await stateFolder.release();
    },
  };
}
