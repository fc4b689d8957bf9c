import { transition } from "xstate";
import { z } from "zod";
import { assert } from "../kernel/assert.ts";
import type { Correlation } from "../model/correlation.ts";
import type { Intent } from "../model/decision.ts";
import type { Policy } from "../model/policy.ts";
import { type Assessment, assess, noEvidence } from "./assess.ts";
import { describe } from "./describe.ts";
import { outcomes, type PolicyEvent } from "./events.ts";
import {
  blankMemory,
  type MachineEvent,
  type Memory,
  type PolicyStateName,
  policyMachine,
  policyStates,
} from "./machine.ts";

export type { PolicyEvent } from "./events.ts";
export type { PolicyStateName } from "./machine.ts";

/** One policy on one of its targets, as a value. */
export type PolicyActor = Readonly<{
  /** Plain JSON; what `startActor` goes on from. */
  snapshot: unknown;
  state: PolicyStateName;
  /** Why it is where it is, for status. */
  detail: string;
  /** Set exactly when this step entered `deciding`: answer it with `proposed` or `nothing-done`. */
  intent: Intent | null;
  /** Of the breach under way; null without one. */
  correlation: Correlation | null;
}>;

const Evaluation = z.object({ atMs: z.number(), value: z.number() });
const StateName = z.enum(policyStates);
const Snapshot = z.object({
  version: z.literal(1),
  /** The trigger that the evidence was gathered under. */
  trigger: z.string(),
  state: StateName,
  memory: z.object({
    evidence: z.object({
      evaluatedMs: z.number().nullable(),
      measuredMs: z.number().nullable(),
      window: z.array(Evaluation).readonly(),
      calm: z.object({ changeId: z.string(), first: Evaluation, last: Evaluation }).nullable(),
    }),
    hold: z
      .object({ after: z.enum([...outcomes, "nothing-done"]), sinceMs: z.number(), reason: z.string() })
      .nullable(),
    stale: z.boolean().default(false),
    purpose: z.enum(["relieve", "give-back"]).nullable(),
    changeId: z.string().nullable(),
    // What was saved before there was one goes on without.
    correlation: z.string().nullable().default(null),
  }),
  detail: z.string(),
});
type Snapshot = z.infer<typeof Snapshot>;

/**
 * Starts an actor, or goes on from a snapshot. A snapshot that this release cannot read starts it anew, and `detail` says
 * so; after an edit of the policy's trigger the state and a running hold stay, and the evidence is gathered anew. An actor
 * that comes back in `deciding` has lost its decision with the process: answer it with `nothing-done`.
 */
export function startActor(policy: Policy, _target: string, snapshot?: unknown): PolicyActor {
  const restored = restore(policy, snapshot);
  const { state, detail, memory } = restored;
  return { snapshot: restored, state, detail, intent: null, correlation: memory.correlation };
}

/** One event. Pure: the same actor and event give the same actor. */
export function stepActor(policy: Policy, target: string, actor: PolicyActor, event: PolicyEvent): PolicyActor {
  const before = restore(policy, actor.snapshot);
  const found = event.type === "evaluated" ? assess(policy, target, before.memory.evidence, event) : undefined;
  const from = policyMachine.resolveState({ value: before.state, context: before.memory });
  const [after] = transition(policyMachine, from, toMachineEvent(policy, before.memory, event, found));
  const state = StateName.parse(after.value);
  const memory = after.context;
  const detail = describe(policy, state, memory, event);
  const entered = state === "deciding" && before.state !== "deciding";
  const snapshot = { version: 1, trigger: fingerprint(policy), state, memory, detail } satisfies Snapshot;
  made.add(snapshot);
  return {
    snapshot,
    state,
    detail,
    intent: entered && found ? intentOf(memory, found) : null,
    correlation: memory.correlation,
  };
}

/** Snapshots that came from here need no second look; those from the journal do. */
const made = new WeakSet<object>();

function restore(policy: Policy, snapshot: unknown): Snapshot {
  const trigger = fingerprint(policy);
  if (isMade(snapshot) && snapshot.trigger === trigger) return snapshot;
  const anew = { version: 1, trigger, state: "quiet", memory: blankMemory } as const;
  if (snapshot === undefined) return { ...anew, detail: "not evaluated yet" };
  const read = Snapshot.safeParse(snapshot);
  if (!read.success) return { ...anew, detail: "started anew: this release cannot read the saved state" };
  if (read.data.trigger === trigger) return read.data;
  return {
    ...read.data,
    trigger,
    state: read.data.state === "breaching" ? "quiet" : read.data.state,
    memory: { ...read.data.memory, evidence: noEvidence },
    detail: `${read.data.detail}; the trigger was edited since, and its evidence is gathered anew`,
  };
}

const isMade = (snapshot: unknown): snapshot is Snapshot =>
  typeof snapshot === "object" && snapshot !== null && made.has(snapshot);

/** Evidence is in the unit and by the thresholds of a trigger: under another one it says nothing. */
function fingerprint({ trigger }: Policy): string {
  return JSON.stringify([trigger.signal, trigger.above, trigger.clear, trigger.for.count, trigger.for.of]);
}

function toMachineEvent(policy: Policy, memory: Memory, event: PolicyEvent, found?: Assessment): MachineEvent {
  if (event.type !== "evaluated") return event;
  assert(found, "an evaluation is assessed");
  const { atMs, frozen, observation } = event;
  const holdPassed = memory.hold === null || atMs - memory.hold.sinceMs >= policy.holdMs;
  return { type: "evaluated", frozen, blind: observation.kind === "blind", holdPassed, found };
}

function intentOf(memory: Memory, found: Assessment): Intent {
  const intent = memory.purpose === "relieve" ? found.relieve : found.giveBack;
  assert(intent, "a decision begins with an intent");
  return intent;
}
