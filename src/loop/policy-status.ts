import type { PolicyStatus } from "../model/controller.ts";
import type { Network } from "../model/inventory.ts";
import type { Switches } from "../model/journal.ts";
import type { NetworkState } from "../model/network-state.ts";
import type { Policy } from "../model/policy.ts";
import { targetsOf } from "../model/scope.ts";
import type { PolicyActor } from "../policy/actor.ts";
import type { EarnedMode } from "../policy/autonomy.ts";
import { lastSeen } from "../policy/observe.ts";

type Seen = Readonly<{
  network: Network;
  policies: readonly Policy[];
  state: NetworkState;
  switches: Switches;
  actorOf: (policy: Policy, target: string) => PolicyActor;
  modeOf: (policy: Policy) => EarnedMode;
}>;

/** How each policy stands on each of its targets. */
export function policyStatus({ network, policies, state, switches, actorOf, modeOf }: Seen): readonly PolicyStatus[] {
  return policies.flatMap((policy) => {
    const { mode, lowered } = modeOf(policy);
    return targetsOf(network, policy).map((target) => {
      const measured = lastSeen(policy, target, state, network);
      return {
        policy: policy.name,
        mode,
        ...(lowered === undefined ? {} : { lowered }),
        target,
        signal: policy.trigger.signal,
        ...standing(actorOf(policy, target), switches),
        ...(measured ? { value: measured.value, measuredMs: measured.toMs } : {}),
      };
    });
  });
}

/** An actor's state and why, told by the switch's own name where a person stopped it. */
function standing({ state, detail }: PolicyActor, { killed, frozen }: Switches): { state: string; detail: string } {
  if (state !== "frozen") return { state, detail };
  if (killed) return { state: "killed", detail: `killed by ${killed.by}: ${killed.reason}` };
  if (!frozen) return { state, detail };
  return { state, detail: `frozen by ${frozen.by} until ${new Date(frozen.untilMs).toISOString()}: ${frozen.reason}` };
}
