import type { z } from "zod";
import type { RpkiAccess } from "../model/inventory.ts";
import { at, duplicates, listAt } from "./check.ts";
import { host, listOf, port, section, tell, yesOrNo } from "./fields.ts";
import type { Finding } from "./problem.ts";

const example = "[{ host: 127.0.0.1, port: 323 }]";

/** `rpki` as it is written. `file` reads the name of a file in the inventory. */
export function rpkiAccess(file: (example: string) => z.ZodType<string>) {
  const tls = section({ ca: file("ca.pem"), serverName: host.exactOptional() });
  const cache = section({ host, port: port(323), tls: tls.exactOptional() });
  return section({
    caches: listOf(cache, "RPKI caches", example).refine((caches) => caches.length > 0, {
      error: tell(
        "has no cache, and nothing could ever be announced",
        `write for example ${example}, or leave out rpki`,
      ),
    }),
    requireValid: yesOrNo(true).exactOptional(),
  }).transform(({ caches, requireValid }): RpkiAccess => ({ caches, requireValid: requireValid ?? false }));
}

/** A cache listed twice would be one target that says two things. */
export function rpkiRules(raw: unknown): Finding[] {
  const whereOf = (cache: unknown) => {
    const [name, number] = [at(cache, "host"), at(cache, "port")];
    return name === undefined || number === undefined ? undefined : `${String(name)} port ${String(number)}`;
  };
  return duplicates(listAt(raw, "rpki", "caches"), whereOf, (key, index, first) => ({
    path: ["rpki", "caches", index],
    message: `${key} is already caches[${first}]`,
    mend: "remove one of the two",
  }));
}
