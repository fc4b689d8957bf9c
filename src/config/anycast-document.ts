import { z } from "zod";
import type { AnycastService } from "../model/inventory.ts";
import { duration, listOf, name, prefix, prose, section, tell, whole } from "./fields.ts";

/** What a probe or registry answers with is public to whoever can reach it: an address of its own is enough. */
const openUrl = (example: string) =>
  z.string({ error: tell("is missing", `add it, for example ${example}`) }).refine(
    (written) => {
      const parsed = URL.canParse(written) ? new URL(written) : undefined;
      return (
        parsed !== undefined && /^https?:$/.test(parsed.protocol) && parsed.username === "" && parsed.password === ""
      );
    },
    // It may carry a password, so a wrong one is not shown.
    tell("is not an http or https URL without credentials", `write for example ${example}`),
  );

const site = section({
  name: name("paris"),
  device: name("edge-p"),
  links: listOf(name("transit-p"), "link names", "[transit-p]").min(1, {
    error: tell("is empty: nothing would announce the site", "name the links on which its device announces the prefix"),
  }),
  probe: openUrl("http://192.0.2.10:8080/health"),
});

/** One entry of `anycast:` in `pointsman.yaml`. */
export const anycastService = section({
  name: name("chat"),
  prefix,
  minSites: whole(1, 1_000, 2),
  registry: openUrl("http://192.0.2.2/models/chat"),
  golden: section({ prompt: prose("What is 2 + 2? Answer with the number."), answer: prose("4") }).exactOptional(),
  maxLatency: duration("500ms").refine((ms) => ms <= 60_000, { error: tell("is too long", "write at most 1m") }),
  sites: listOf(site, "sites", "[{ name: paris, … }]"),
}).transform(({ maxLatency, ...rest }): AnycastService => ({ ...rest, maxLatencyMs: maxLatency }));
