import { type Decision, type RouterFacts, samePath } from "../model/decision.ts";
import { isThere } from "./values.ts";

/** The decision that leads back to what was before `decision`. */
export function inverted(decision: Decision, reason: string): Decision {
  const { predicted } = decision;
  const facts = {
    intent: decision.intent,
    reason,
    alternatives: [],
    predicted: {
      ...predicted,
      links: predicted.links.map((one) => ({ ...one, before: one.after, after: one.before })),
      flows: predicted.flows.map((one) => ({ ...one, before: one.after, after: one.before })),
      ...(predicted.queues && {
        queues: predicted.queues.map((one) => ({ ...one, before: one.after, after: one.before })),
      }),
      costPerHour: {
        ...predicted.costPerHour,
        before: predicted.costPerHour.after,
        after: predicted.costPerHour.before,
      },
    },
  };
  switch (decision.action) {
    case "bgp-prepend":
      return { ...facts, action: decision.action, changes: decision.changes.map(turned) };
    case "segment-routing":
      return { ...facts, action: decision.action, changes: decision.changes.map(turned) };
    case "qos":
      return { ...facts, action: decision.action, changes: decision.changes.map(turned) };
    case "anycast-drain":
      return { ...facts, action: decision.action, changes: decision.changes.map(turned) };
  }
}

/**
 * What of an undo is still to be done: without what reads as it leads to already, as after a reboot or an edit by hand. Nothing may
 * be left.
 */
export function leftToUndo(undo: Decision, facts: RouterFacts): Decision {
  switch (undo.action) {
    case "bgp-prepend":
      return { ...undo, changes: undo.changes.filter((change) => !isThere(change, facts)) };
    case "segment-routing":
      return { ...undo, changes: undo.changes.filter((change) => !isThere(change, facts)) };
    case "qos":
      return { ...undo, changes: undo.changes.filter((change) => !isThere(change, facts)) };
    case "anycast-drain":
      return { ...undo, changes: undo.changes.filter((change) => !isThere(change, facts)) };
  }
}

/** A path that was taken away may lead nowhere by now; what only takes paths away ends where the IGP carries. */
export function addsPath(decision: Decision): boolean {
  if (decision.action !== "segment-routing") return false;
  return decision.changes.some(({ from, to }) => to.some((path) => !from.some((other) => samePath(path, other))));
}

const turned = <Change extends { from: unknown; to: unknown }>(one: Change): Change => ({
  ...one,
  from: one.to,
  to: one.from,
});
