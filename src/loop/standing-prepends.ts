import type { Change } from "../model/change.ts";
import type { Announcement } from "../model/decision.ts";

/**
 * How prefixes were announced before any change of ours that still stands: our confirmed changes followed back, link by link, as
 * far as each left what the next found. Where somebody else has changed it in between, what they made of it. `changes` newest first.
 */
export function standingPrepends(
  announcements: readonly Announcement[],
  changes: readonly Change[],
): readonly Announcement[] {
  const ours = changes.flatMap(({ state, decision }) =>
    state === "confirmed" && decision.action === "bgp-prepend" ? decision.changes : [],
  );
  return announcements.map((now) => {
    let { prepends } = now;
    for (const { prefix, link, from, to } of ours) {
      if (prefix !== now.prefix || link !== now.link) continue;
      if (to !== prepends) break;
      prepends = from;
    }
    return { ...now, prepends };
  });
}
