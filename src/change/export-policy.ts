import { assert } from "../kernel/assert.ts";
import { Failure, fail, ok, type Result } from "../kernel/failure.ts";
import { type AddressBlock, covers, inRange, isExactly, type PrefixRange } from "../kernel/prefix.ts";
import type { Device, Link, LinkName, Network, Prefix } from "../model/inventory.ts";
import type { Edited } from "./edited.ts";
import type { Templates } from "./templates.ts";

/**
 * Whether a statement's conditions match a prefix: `exactly` this one and no other, `with-others`, `perhaps` when that
 * hangs on something besides the prefix, or never.
 */
export type Coverage = "no" | "exactly" | "with-others" | "perhaps";

/** One statement of an export policy, whatever the platform calls it. */
export type Statement = Readonly<{
  /** Its key within the policy: an OpenConfig statement's name, a route-map's sequence number. */
  id: string;
  /** As a person finds it on the router. */
  title: string;
  covers: (prefix: AddressBlock) => Coverage;
  /** What its prefix lists name; empty where they are not understood. */
  names: readonly PrefixRange[];
  /** `goes-on`: the route is judged by what follows, so that this statement does not say what is announced. */
  verdict: "accept" | "deny" | "goes-on";
  /** How often it prepends our own AS, or what about its path editing we will not touch. */
  prepends: number | Unsupported;
  /** Whether it adds the community GRACEFUL_SHUTDOWN (65535:0, RFC 8326), or what about its communities we will not touch. */
  gracefulShutdown: boolean | Unsupported;
}>;

export type Unsupported = Readonly<{ unsupported: string }>;

/** What one statement is to do, for `prefix` towards the neighbour of `link`; what `to` does not name stays as it is. */
export type Edit = Readonly<{
  link: BgpLink;
  prefix: AddressBlock;
  policy: string;
  statement: string;
  to: Readonly<{ prepends?: number; gracefulShutdown?: boolean; verdict?: "accept" | "deny" }>;
}>;

/** The export policies of one device, from one reading. */
export interface ExportPolicies {
  /** In the order in which the router applies them; undefined when there is no such policy. */
  statements(policy: string): readonly Statement[] | undefined;
  /** What the device reads once `edits` are made, and how to get there and back. Throws Failure CHANGE_UNSUPPORTED. */
  edit(templates: Templates, edits: readonly Edit[]): Edited;
}

/** A link that Pointsman may steer by BGP: it knows the neighbour and the export policy. */
export type BgpLink = Link & Readonly<{ bgp: NonNullable<Link["bgp"]> }>;

export function bgpLinks(links: readonly Link[], device: Device): readonly BgpLink[] {
  return links.filter((link): link is BgpLink => link.device === device.name && link.bgp !== undefined);
}

/** A list of ranges, any of which may match. */
export function coverageOf(ranges: readonly PrefixRange[], prefix: AddressBlock): Coverage {
  const [first, ...others] = ranges;
  if (first && others.length === 0 && isExactly(first, prefix)) return "exactly";
  return ranges.some((range) => inRange(range, prefix)) ? "with-others" : "no";
}

/**
 * The statement that announces `prefix` and that may be edited for it, with how often it prepends; undefined when the prefix
 * is not announced. CHANGE_UNSUPPORTED when it is not for this prefix alone.
 */
export function findStatement(
  policies: ExportPolicies,
  link: BgpLink,
  text: Prefix,
  prefix: AddressBlock,
): Result<Readonly<{ statement: Statement; prepends: number }> | undefined> {
  const found = decidingStatement(policies, link, text, prefix);
  if (!found.ok) return found;
  const statement = found.value;
  if (statement?.verdict !== "accept") return ok(undefined);
  const { prepends } = statement;
  if (typeof prepends === "number") return ok({ statement, prepends });
  return unsupported(
    `${link.device}: ${statement.title} announces ${text} with ${prepends.unsupported}`,
    "let it prepend our own AS or nothing",
  );
}

/**
 * The statement that accepts or denies `prefix` and no other; undefined when none is for it alone and it is not announced.
 * The first statement that matches decides, and where none does the route is denied (RFC 4271 leaves this to policy;
 * OpenConfig's default and FRR's implicit deny agree). CHANGE_UNSUPPORTED when what announces it is not for this prefix alone.
 */
export function decidingStatement(
  policies: ExportPolicies,
  link: BgpLink,
  text: Prefix,
  prefix: AddressBlock,
): Result<Statement | undefined> {
  const policy = link.bgp.exportPolicy;
  const statements = policies.statements(policy);
  if (!statements) {
    return unsupported(
      `${link.device} has no export policy ${policy}, which link ${link.name} names`,
      "correct bgp.exportPolicy in the inventory, or configure the policy on the router",
    );
  }
  for (const statement of statements) {
    const coverage = statement.covers(prefix);
    if (coverage === "no") continue;
    if (statement.verdict === "deny" && coverage !== "perhaps")
      return ok(coverage === "exactly" ? statement : undefined);
    if (statement.verdict === "accept" && coverage === "exactly") return ok(statement);
    return unsupported(
      `${link.device}: ${statement.title} covers ${text}, but not ${text} alone and always`,
      `give ${text} a statement of its own before it, which accepts exactly that one prefix`,
    );
  }
  return ok(undefined);
}

/** The blocks inside `prefix`, none of which is `prefix` itself, that a policy announces by a statement which names them. */
export function announcedWithin(policies: ExportPolicies, { bgp }: BgpLink, prefix: AddressBlock): AddressBlock[] {
  const statements = policies.statements(bgp.exportPolicy) ?? [];
  return statements.flatMap((statement) => {
    if (statement.verdict !== "accept") return [];
    return statement.names.flatMap(({ block, min, max }) => {
      const inner = { ...block, length: Math.max(min, block.length, prefix.length + 1) };
      if (!covers(prefix, block) || inner.length > max) return [];
      const deciding = statements.find((one) => one.covers(inner) !== "no");
      return deciding === statement && statement.covers(inner) !== "perhaps" ? [inner] : [];
    });
  });
}

/** The link that a change is for, by itself: an edit of a policy that another link has too would change both. */
export function linkAlone(network: Network, device: Device, name: LinkName): Result<BgpLink> {
  const links = bgpLinks(network.links, device);
  const link = links.find((each) => each.name === name);
  assert(link, `link ${name} is on ${device.name} and has BGP`);
  const policy = link.bgp.exportPolicy;
  const other = links.find((each) => each !== link && each.bgp.exportPolicy === policy);
  if (!other) return ok(link);
  return unsupported(
    `${device.name}: links ${name} and ${other.name} share the export policy ${policy}, so one cannot change alone`,
    "give each link an export policy of its own",
  );
}

/** No path on the Internet is this long, and FRR's command line ends soon after. */
export const mostPrepends = 100;

export function unsupported(message: string, mend: string): { readonly ok: false; readonly failure: Failure } {
  return fail(new Failure("CHANGE_UNSUPPORTED", message, { mend }));
}
