import { Failure } from "../kernel/failure.ts";
import type { Journal } from "../model/journal.ts";
import type { Policy } from "../model/policy.ts";
import { type EarnedMode, earnedMode } from "../policy/autonomy.ts";
import type { Ledger } from "./ledger.ts";

type Deps = Readonly<{
  policies: readonly Policy[];
  ledger: Ledger;
  journal: Journal;
  onTrouble: (policy: string, failure: Failure | undefined) => void;
}>;

const lowered = "policy.autonomy-lowered";
const restored = "policy.autonomy-restored";

/** Journals and tells when a policy's autonomy is lowered, and when it is restored. */
export class AutonomyWatch {
  readonly #deps: Deps;
  /** Whether it stands lowered in the journal, by policy. */
  readonly #isLowered = new Map<string, boolean>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  of(policy: Policy): EarnedMode {
    return earnedMode(policy, this.#deps.ledger.all());
  }

  /** Reads what a predecessor journaled last; what it did not come to journal is made up for. */
  async start(): Promise<void> {
    for (const { name } of this.#deps.policies) {
      const told = (await this.#deps.journal.entries(name)).map(({ event }) => event);
      this.#isLowered.set(name, told.lastIndexOf(lowered) > told.lastIndexOf(restored));
    }
    await this.update();
    for (const policy of this.#deps.policies) if (this.#isLowered.get(policy.name)) this.#tell(policy);
  }

  /** After a change has a verdict. */
  async update(): Promise<void> {
    const { policies, journal } = this.#deps;
    for (const policy of policies) {
      const { lowered: why } = this.of(policy);
      const isLowered = why !== undefined;
      if (isLowered === this.#isLowered.get(policy.name)) continue;
      this.#isLowered.set(policy.name, isLowered);
      const entry = { event: isLowered ? lowered : restored, actor: "pointsman", subject: policy.name };
      await journal.append({ ...entry, body: isLowered ? { reason: why } : {} });
      this.#tell(policy);
    }
  }

  #tell(policy: Policy): void {
    const { lowered: why } = this.of(policy);
    const mend = "see its proposals through by hand: it acts by itself again once they go as predicted";
    const message = `policy ${policy.name} is in auto, and asks now: ${why}`;
    this.#deps.onTrouble(
      policy.name,
      why === undefined ? undefined : new Failure("AUTONOMY_LOWERED", message, { mend }),
    );
  }
}
