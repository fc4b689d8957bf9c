import type { Policy } from "../model/policy.ts";
import { formatSignal } from "../model/signal.ts";
import type { PolicyEvent } from "./events.ts";
import type { Hold, Memory, PolicyStateName } from "./machine.ts";

/** Why an actor is where it is, in a line for status and the console. */
export function describe(policy: Policy, state: PolicyStateName, memory: Memory, event: PolicyEvent): string {
  switch (state) {
    case "quiet":
    case "breaching":
      return [count(policy, memory, event), calm(policy, memory)].filter(Boolean).join("; ");
    case "deciding":
      return `deciding ${memory.purpose === "relieve" ? "how to relieve it" : "whether traffic goes back"}${aside(event)}`;
    case "proposed":
      return `${memory.changeId ?? "a change"} waits for approval${aside(event)}`;
    case "changing":
      return `${memory.changeId ?? "a change"} is being made${aside(event)}`;
    case "settling":
    case "held":
      return memory.hold ? held(policy, memory.hold) : "held";
    case "blind":
      return event.type === "evaluated" && event.observation.kind === "blind" ? event.observation.reason : "no data";
    case "frozen":
      return "frozen: no decision is made";
  }
}

function count({ trigger }: Policy, { evidence: { window } }: Memory, event: PolicyEvent): string {
  const seen = event.type === "evaluated" && event.observation.kind === "seen" ? event.observation.value : undefined;
  const value = seen === undefined ? "" : `${formatSignal(trigger.signal, seen)} now, `;
  const above = window.filter((evaluation) => evaluation.value > trigger.above).length;
  const threshold = formatSignal(trigger.signal, trigger.above);
  const evaluations = window.length === 1 ? "1 evaluation" : `the last ${window.length} evaluations`;
  return `${value}${above} of ${evaluations} above ${threshold} (acts on ${trigger.for.count} of ${trigger.for.of})`;
}

function calm({ trigger, holdMs }: Policy, { evidence }: Memory): string {
  if (!evidence.calm) return "";
  const { changeId, first, last } = evidence.calm;
  const value = formatSignal(trigger.signal, last.value);
  return `${value} with the traffic of ${changeId} back, for ${(last.atMs - first.atMs) / 1000} s of ${holdMs / 1000} s`;
}

function held(policy: Policy, { after, reason, sinceMs }: Hold): string {
  if (after === "nothing-done") return `${reason}; held until a whole new window breaches`;
  const until = `no decision before ${new Date(sinceMs + policy.holdMs).toISOString()}`;
  return after === "stuck" ? `${reason} is stuck and needs a person; ${until}` : `${reason} was ${after}; ${until}`;
}

/** What an evaluation could not do while something is under way. */
function aside(event: PolicyEvent): string {
  if (event.type !== "evaluated") return "";
  const blind = event.observation.kind === "blind" ? `; blind: ${event.observation.reason}` : "";
  return `${event.frozen ? "; frozen" : ""}${blind}`;
}
