import type { Attribution, ClassHealth } from "../../model/class-health.ts";
import type { ServedClass } from "../../model/inventory.ts";

export function attribute(one: ServedClass, _health: ClassHealth): Attribution {
  return { verdict: "unclear", symptom: one.name, reason: `nothing speaks for a cause yet`, evidence: [] };
}
