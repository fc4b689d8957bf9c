import { assert } from "../kernel/assert.ts";
import { Failure } from "../kernel/failure.ts";
import { type AddressBlock, type PrefixRange, parseAddress } from "../kernel/prefix.ts";
import type { Payload } from "../model/device.ts";
import type { Edited } from "./edited.ts";
import type { Coverage, Edit, ExportPolicies, Statement } from "./export-policy.ts";
import { listCoverage, type PrefixLists, readPrefixLists } from "./frr-prefix-list.ts";
import type { Templates } from "./templates.ts";

/** `route-map NAME permit N` and the lines under it, which are `from` up to `to` among the reading's lines. */
type Entry = Readonly<{ name: string; permit: boolean; sequence: number; from: number; to: number; body: string[] }>;

const ownPath = /^ set as-path prepend (\d+(?: \d+)*)$/;
/** How FRR prints `set community 65535:0 additive`. */
const drainLine = " set community graceful-shutdown additive";
const ownCommunity = new RegExp(`^${drainLine}$`);
const matchList = /^ match (ip|ipv6) address prefix-list (\S+)$/;

/** Route-maps and prefix lists as FRR's `show running-config` prints them (checked with 8.4). */
export class FrrPolicies implements ExportPolicies {
  readonly #as: string;
  readonly #lines: readonly string[];
  readonly #entries: readonly Entry[];
  readonly #lists: PrefixLists;

  constructor(as: number, reading: string) {
    this.#as = String(as);
    this.#lines = reading.split("\n");
    this.#entries = readEntries(this.#lines);
    this.#lists = readPrefixLists(this.#lines);
  }

  statements(policy: string): readonly Statement[] | undefined {
    const entries = this.#entries.filter((entry) => entry.name === policy);
    if (entries.length === 0) return undefined;
    return entries
      .toSorted((a, b) => a.sequence - b.sequence)
      .map((entry) => ({
        id: String(entry.sequence),
        title: `route-map ${policy} ${entry.permit ? "permit" : "deny"} ${entry.sequence}`,
        covers: (prefix) => this.#covers(entry, prefix),
        names: this.#names(entry),
        verdict: verdictOf(entry),
        prepends: this.#prepends(entry),
        gracefulShutdown: gracefulShutdownOf(entry),
      }));
  }

  edit(templates: Templates, edits: readonly Edit[]): Edited {
    const changes = edits
      .map(({ policy, statement, to }) => {
        const entry = this.#entries.find((each) => each.name === policy && String(each.sequence) === statement);
        assert(entry, `there is a route-map ${policy} ${statement}`);
        return { entry, before: this.#named(entry, to), after: to };
      })
      .sort((a, b) => a.entry.from - b.entry.from);
    const lines = [...this.#lines];
    // From the last up, so that an edit does not move the entries still to come.
    for (const { entry, after } of changes.toReversed()) {
      const head = `route-map ${entry.name} ${actionOf(entry, after)} ${entry.sequence}`;
      lines.splice(entry.from - 1, entry.to - entry.from + 1, head, ...this.#body(entry.body, after));
    }
    const activate = templates.render("frr/export-policy.activate.j2", { sessions: sessionsOf(edits) });
    const render = (side: "before" | "after"): Payload => {
      const statements = changes.map(({ entry, ...change }) => {
        const { prepends, gracefulShutdown } = change[side];
        return {
          policy: entry.name,
          sequence: entry.sequence,
          action: actionOf(entry, change[side]),
          path: prepends === undefined ? null : this.#path(prepends),
          gracefulShutdown: gracefulShutdown ?? null,
        };
      });
      return { config: templates.render("frr/export-policy.conf.j2", { statements }), activate };
    };
    return { expected: lines.join("\n"), forward: render("after"), inverse: render("before") };
  }

  /** What the entry has now of that which `to` names. */
  #named(entry: Entry, to: Edit["to"]): Edit["to"] {
    const [prepends, gracefulShutdown, verdict] = [this.#prepends(entry), gracefulShutdownOf(entry), verdictOf(entry)];
    const title = `route-map ${entry.name} ${entry.sequence}`;
    assert(verdict !== "goes-on", `${title} decides`);
    assert(to.prepends === undefined || typeof prepends === "number", `the path of ${title} may be edited`);
    assert(
      to.gracefulShutdown === undefined || typeof gracefulShutdown === "boolean",
      `the communities of ${title} may be edited`,
    );
    return {
      ...(to.prepends !== undefined && typeof prepends === "number" && { prepends }),
      ...(to.gracefulShutdown !== undefined && typeof gracefulShutdown === "boolean" && { gracefulShutdown }),
      ...(to.verdict !== undefined && { verdict }),
    };
  }

  #body(body: readonly string[], { prepends, gracefulShutdown }: Edit["to"]): readonly string[] {
    const path = prepends === undefined ? body : withLine(body, ownPath, prependLine(this.#path(prepends)));
    return gracefulShutdown === undefined
      ? path
      : withLine(path, ownCommunity, gracefulShutdown ? drainLine : undefined);
  }

  #path(prepends: number): string[] {
    return Array<string>(prepends).fill(this.#as);
  }

  #prepends(entry: Entry): Statement["prepends"] {
    const [line, ...more] = entry.body.filter((each) => each.startsWith(" set as-path "));
    if (line === undefined) return 0;
    const path = ownPath.exec(line)?.[1]?.split(" ");
    if (more.length > 0 || !path?.every((as) => as === this.#as)) return { unsupported: `"${line.trim()}"` };
    return path.length;
  }

  #names({ body }: Entry): PrefixRange[] {
    return body.flatMap((line) => {
      const [, family, name] = matchList.exec(line) ?? [];
      const rules = this.#lists.get(`${family} ${name}`) ?? [];
      return rules.flatMap(({ permit, range }) => (permit ? [range] : []));
    });
  }

  /** Every `match` line must hold. */
  #covers(entry: Entry, prefix: AddressBlock): Coverage {
    const matches = entry.body.filter((line) => line.startsWith(" match "));
    const lists = matches.map((line) => {
      const [, family, name = ""] = matchList.exec(line) ?? [];
      return family === undefined ? "perhaps" : listCoverage(this.#lists, family === "ip" ? 4 : 6, name, prefix);
    });
    if (lists.includes("no")) return "no";
    const [only = "with-others", ...others] = lists;
    return others.length === 0 ? only : "perhaps";
  }
}

function readEntries(lines: readonly string[]): Entry[] {
  const entries: Entry[] = [];
  for (const [index, line] of lines.entries()) {
    const [, name, action, sequence] = /^route-map (\S+) (permit|deny) (\d+)$/.exec(line) ?? [];
    if (name === undefined) continue;
    const body: string[] = [];
    while (lines[index + 1 + body.length]?.startsWith(" ")) body.push(lines[index + 1 + body.length] as string);
    const from = index + 1;
    entries.push({ name, permit: action === "permit", sequence: Number(sequence), from, to: from + body.length, body });
  }
  return entries;
}

/** `call`, `continue` and `on-match` hand the route on; so may a line that we do not know. */
function verdictOf(entry: Entry): Statement["verdict"] {
  if (entry.body.some((line) => !/^ (match|set|description) /.test(line))) return "goes-on";
  return entry.permit ? "accept" : "deny";
}

const actionOf = (entry: Entry, { verdict }: Edit["to"]) =>
  (verdict === undefined ? entry.permit : verdict === "accept") ? "permit" : "deny";

/** `set community` replaces or adds to all that a route has; what another line of the kind would make of ours is not worked out. */
function gracefulShutdownOf(entry: Entry): Statement["gracefulShutdown"] {
  const [line, ...more] = entry.body.filter((each) => /^ set (community|comm-list) /.test(each));
  if (line === undefined) return false;
  return line === drainLine && more.length === 0 ? true : { unsupported: `"${line.trim()}"` };
}

const prependLine = (path: readonly string[]) =>
  path.length === 0 ? undefined : ` set as-path prepend ${path.join(" ")}`;

/** `vtysh` prints the lines of a route-map entry in the order of their bytes. */
function withLine(body: readonly string[], earlier: RegExp, line: string | undefined): string[] {
  const others = body.filter((each) => !earlier.test(each));
  if (line === undefined) return others;
  const next = others.findIndex((other) => other > line);
  return others.toSpliced(next < 0 ? others.length : next, 0, line);
}

/** Who must be told, once each. Throws Failure CHANGE_UNSUPPORTED for a neighbour that is not an address. */
function sessionsOf(edits: readonly Edit[]): { family: string; neighbor: string }[] {
  const sessions = new Map<string, { family: string; neighbor: string }>();
  for (const { link, prefix } of edits) {
    const { neighbor } = link.bgp;
    if (!parseAddress(neighbor)) {
      throw new Failure("CHANGE_UNSUPPORTED", `link ${link.name}: ${JSON.stringify(neighbor)} is not an address`, {
        mend: "give bgp.neighbor as an IPv4 or IPv6 address",
      });
    }
    const family = prefix.family === 4 ? "ipv4" : "ipv6";
    sessions.set(`${family} ${neighbor}`, { family, neighbor });
  }
  return [...sessions.values()];
}
