import { takesOut } from "../model/anycast.ts";
import type { Decision } from "../model/decision.ts";
import type { SiteName } from "../model/inventory.ts";
import { formatSignal, type SignalName } from "../model/signal.ts";
import type { Finding, VerifyInput } from "./input.ts";

/** The sites that a change takes a step out of their service, or (`out` false) back into it. */
export const sitesChanged = ({ changes }: Decision, { out }: Readonly<{ out: boolean }>): SiteName[] => [
  ...new Set(
    [...changes].flatMap((change) =>
      change.action === "anycast-drain" && takesOut(change) === out ? [change.site] : [],
    ),
  ),
];

/** Of `site.unwell`. */
const well = 0;

/** Is every site that came back well, whatever the policy asks for? `fresh`: a value measured since the push. */
export function judgeSites(
  { decision }: VerifyInput,
  fresh: (signal: SignalName, name: string) => number | undefined,
): Finding[] {
  return sitesChanged(decision, { out: false }).map((site) => {
    const unwell = fresh("site.unwell", site) ?? Number.NaN;
    return {
      text: `${site}: well once back: site.unwell ${formatSignal("site.unwell", unwell)}`,
      held: unwell === well,
    };
  });
}
