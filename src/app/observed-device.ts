import type { Clock } from "../kernel/clock.ts";
import type { FailureFacts, Result } from "../kernel/failure.ts";
import type { Change } from "../model/change.ts";
import type { DevicePort, DeviceStep } from "../model/device.ts";

/** One thing that was asked of a router for a change. */
export type RouterOperation = Readonly<{
  device: string;
  operation: "prepare" | "discard" | "commit" | "confirm" | "undo";
  durationMs: number;
  failure?: FailureFacts;
  /** What it was for. */
  change?: Pick<Change, "id" | "correlation">;
}>;

type Options = Readonly<{
  clock: Clock;
  /** Changes that are not over: a step is of the one whose plan has it. */
  open: () => readonly Change[];
  onOperation: (operation: RouterOperation) => void;
}>;

/** `port`, telling of all that is asked of it for a change. Readings are not told: there is one a minute, and no change behind it. */
export function observedDevice(port: DevicePort, { clock, open, onOperation }: Options): DevicePort {
  /** What the candidate holds, until it is dropped or committed. */
  let prepared: DeviceStep | undefined;

  async function told<T>(
    operation: RouterOperation["operation"],
    step: DeviceStep | undefined,
    work: () => Promise<Result<T>>,
  ): Promise<Result<T>> {
    const change = step && open().find(({ plan }) => plan.steps.includes(step));
    const startedMs = clock.now();
    const result = await work();
    onOperation({
      device: port.device,
      operation,
      durationMs: clock.now() - startedMs,
      ...(result.ok ? {} : { failure: result.failure.toJSON() }),
      ...(change ? { change: { id: change.id, correlation: change.correlation } } : {}),
    });
    return result;
  }

  return {
    device: port.device,
    read: (query) => port.read(query),
    prepare(step) {
      prepared = step;
      return told("prepare", step, () => port.prepare(step));
    },
    discard() {
      const step = prepared;
      prepared = undefined;
      // With nothing prepared there is nothing to tell of.
      return step ? told("discard", step, () => port.discard()) : port.discard();
    },
    commitOnTrial(step, trial) {
      prepared = undefined;
      return told("commit", step, () => port.commitOnTrial(step, trial));
    },
    confirm: (step, trial) => told("confirm", step, () => port.confirm(step, trial)),
    undo: (step, trial) => told("undo", step, () => port.undo(step, trial)),
    close: () => port.close(),
  };
}
