import type { Failure, FailureFacts } from "../kernel/failure.ts";
import { type Change, finalStates } from "../model/change.ts";
import type { Trouble } from "../model/controller.ts";
import type { Drift } from "../model/drift.ts";
import type { NetworkState } from "../model/network-state.ts";

/** Tells of each router, telemetry target and stuck change once when it fails, when it fails in another way, and when it is well again. */
export class Troubles {
  readonly #onTrouble: (trouble: Trouble) => void;
  /** What was told last: the failure's code or the target's state; empty when well. */
  readonly #told = new Map<string, string>();

  constructor(onTrouble: (trouble: Trouble) => void) {
    this.#onTrouble = onTrouble;
  }

  router(name: string, failure: Failure | undefined): void {
    this.#tell(`router ${name}`, failure?.code ?? "", failure?.toJSON());
  }

  policy(name: string, failure: Failure | undefined): void {
    this.#tell(`policy ${name}`, failure?.code ?? "", failure?.toJSON());
  }

  /** A change that was stuck when this controller started: its predecessor's call for a person may have gone unheard. */
  stuck({ id, outcome }: Change): void {
    const { code, message, mend } = outcome ?? { code: "STOPPED", message: "nobody knows why" };
    const failure = {
      code,
      message: `stuck, and blocks further changes: ${message}`,
      ...(mend ? { mend } : {}),
    } as const;
    this.#tell(`change ${id}`, "stuck", failure);
  }

  /** After each of its transitions. */
  change({ id, state }: Change): void {
    if (finalStates.includes(state)) this.#tell(`change ${id}`, "");
  }

  targets(targets: NetworkState["targets"]): void {
    for (const [name, { state, reason, mend }] of targets) {
      if (state === "starting") continue;
      const message = `${state}${reason ? `: ${reason}` : ""}`;
      const failure = { code: "TELEMETRY_FAILED", message, ...(mend ? { mend } : {}) } as const;
      if (state === "synced") this.#tell(`telemetry ${name}`, "");
      else this.#tell(`telemetry ${name}`, state, failure);
    }
  }

  drift({ section, changeId, values, diff }: Drift): void {
    const what = values.join(", ");
    const message = `someone else has changed what ${changeId} set: ${what}\n${diff}`;
    const mend = "put it back, or keep it: the next change is planned from what is there then";
    this.#tell(section, kindOf({ changeId, values }), { code: "DEVICE_CHANGED", message, mend });
  }

  /** A predecessor has told it. */
  driftTold(drift: Drift): void {
    this.#told.set(drift.section, kindOf(drift));
  }

  driftGone({ section }: Drift): void {
    this.#tell(section, "");
  }

  #tell(where: string, kind: string, failure?: FailureFacts): void {
    const before = this.#told.get(where) ?? "";
    this.#told.set(where, kind);
    if (before !== kind) this.#onTrouble({ where, ...(failure ? { failure } : {}) });
  }
}

/** Edits of other values, or of another change's, are news. */
const kindOf = ({ changeId, values }: Pick<Drift, "changeId" | "values">) => [changeId, ...values].join();
