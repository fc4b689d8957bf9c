import { assert } from "../../kernel/assert.ts";
import { formatPercent } from "../../kernel/units.ts";
import type { LinkPrediction, PrependChange } from "../../model/decision.ts";

/** "0.247 USD": three significant digits, as rates are written. */
export function money(amount: number, currency: string): string {
  return `${Number(amount.toPrecision(3))} ${currency}`;
}

const times = (n: number) => (n === 1 ? "once" : n === 2 ? "twice" : `${n} times`);

/** "prepend 10.0.0.0/24 and 11.0.0.0/24 3 times on transit-a"; only counted when there are many. */
export function describeChanges(changes: readonly PrependChange[]): string {
  if (changes.length > 3) {
    const prefixes = new Set(changes.map((change) => change.prefix)).size;
    const links = [...new Set(changes.map((change) => change.link))].sort();
    return `change the prepends of ${prefixes} prefixes on ${links.join(" and ")}`;
  }
  const alike = new Map<string, PrependChange[]>();
  for (const change of changes) {
    const key = `${change.link} ${change.to} ${change.to > change.from}`;
    alike.set(key, [...(alike.get(key) ?? []), change]);
  }
  return [...alike.values()].map(describeAlike).join(" and ");
}

/** Changes of one link to one number of prepends, all raised or all lowered. */
function describeAlike(changes: readonly PrependChange[]): string {
  const [first] = changes;
  assert(first, "a group has a change");
  const { link, from, to } = first;
  const prefixes = changes.map((change) => change.prefix).join(" and ");
  if (to > from) return `prepend ${prefixes} ${times(to)} on ${link}`;
  return to === 0 ? `stop prepending ${prefixes} on ${link}` : `prepend ${prefixes} only ${times(to)} on ${link}`;
}

/** "transit-a from 108% to 18%" for each link whose load changes. */
export function describeEffect(links: readonly LinkPrediction[]): string {
  return links
    .filter(({ before, after }) => before.utilisation !== after.utilisation)
    .map((l) => `${l.link} from ${formatPercent(l.before.utilisation)} to ${formatPercent(l.after.utilisation)}`)
    .join(" and ");
}

export function describeCost(cost: Readonly<{ before: number; after: number; currency: string }>): string {
  if (cost.currency === "") return "";
  return `, for ${money(cost.after, cost.currency)}/h instead of ${money(cost.before, cost.currency)}/h`;
}
