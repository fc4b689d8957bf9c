import { assert } from "../../kernel/assert.ts";
import { type AddressBlock, formatPrefix, parseAllowed } from "../../kernel/prefix.ts";
import type { Prefix } from "../../model/inventory.ts";
import type { Vrp } from "../../model/route-origins.ts";
import { errorCodes, type Pdu, RtrError } from "./pdu.ts";

type PrefixPdu = Extract<Pdu, { type: "prefix" }>;

/** Of a sane cache a handful covers a prefix. */
const mostVrps = 100_000;

/**
 * The VRPs of one cache that cover one of our prefixes; of the others, hundreds of thousands, nothing is kept. What comes in
 * counts from the end of its response on (RFC 8210 8.1): until then what was known before stands.
 */
export class VrpTable {
  /** Every prefix that covers one of ours. */
  readonly #relevant = new Set<string>();
  #known = new Map<string, Vrp>();
  #next: Map<string, Vrp> | undefined;

  constructor(prefixes: readonly Prefix[]) {
    for (const { family, bits, length } of prefixes.map(parseAllowed)) {
      const width = family === 4 ? 32n : 128n;
      for (let shorter = 0; shorter <= length; shorter++) {
        const host = width - BigInt(shorter);
        this.#relevant.add(keyOf({ family, bits: (bits >> host) << host, length: shorter }));
      }
    }
  }

  get vrps(): readonly Vrp[] {
    return [...this.#known.values()];
  }

  /** A response begins: to a Reset Query with nothing, to a Serial Query with what is known. */
  begin(from: "nothing" | "known"): void {
    this.#next = new Map(from === "known" ? this.#known : []);
  }

  /** Throws RtrError: announced twice, or withdrawn without having been announced. */
  apply({ announce, block, maxLength, as }: PrefixPdu): void {
    const next = this.#next;
    assert(next, "a prefix belongs to a response");
    const prefix = keyOf(block);
    if (!this.#relevant.has(prefix)) return;
    const key = `${prefix} ${maxLength} ${as}`;
    const named = () => `${formatPrefix(block)} to /${maxLength} of AS ${as}`;
    if (!announce) {
      if (!next.delete(key)) {
        throw new RtrError(errorCodes.unknownWithdrawal, `withdrew ${named()}, which it had not announced`);
      }
      return;
    }
    if (next.has(key)) throw new RtrError(errorCodes.duplicateAnnouncement, `announced ${named()} twice`);
    if (next.size >= mostVrps) {
      throw new RtrError(errorCodes.corruptData, `sent more than ${mostVrps} VRPs about our prefixes`);
    }
    next.set(key, { prefix: formatPrefix(block), maxLength, as });
  }

  /** The response is complete. */
  commit(): void {
    assert(this.#next, "a response ends once");
    this.#known = this.#next;
    this.#next = undefined;
  }

  /** The response will not be completed. */
  abandon(): void {
    this.#next = undefined;
  }

  clear(): void {
    this.#known = new Map();
    this.#next = undefined;
  }
}

const keyOf = ({ family, bits, length }: AddressBlock) => `${family} ${length} ${bits.toString(16)}`;
