import { readFile } from "node:fs/promises";
import { z } from "zod";
import type { Clock } from "../kernel/clock.ts";
import { Failure } from "../kernel/failure.ts";
import type { OidcAccess } from "../model/access.ts";

/** RSA keys under 2048 bits are not taken (NIST SP 800-131A). */
const leastModulusBytes = 256;
const Key = z
  .looseObject({ kty: z.string(), kid: z.string(), use: z.string().optional(), n: z.string().optional() })
  .refine(({ kty }) => kty === "RSA" || kty === "EC" || kty === "OKP")
  .refine(({ use }) => use === undefined || use === "sig")
  .refine(({ kty, n = "" }) => kty !== "RSA" || Buffer.from(n, "base64url").length >= leastModulusBytes);
const KeySet = z.object({ keys: z.array(z.unknown()).max(100) });
export type PublicKey = z.infer<typeof Key>;

const patienceMs = 5_000;
const mostBytes = 256 * 1024;
/** A key that the issuer has withdrawn is trusted no longer than this, */
const freshMs = 10 * 60_000;
/** and while the issuer cannot be asked, no longer than this: its outage must not take the operators' kill switch with it. */
const staleMs = 24 * 3_600_000;
/** An unknown key id is the sign of a new key, or an attack: the issuer is asked no more often than this. */
const spacingMs = 30_000;

/**
 * The public keys of an issuer (RFC 7517), fetched when one is first needed and kept for ten minutes, or a day while no newer ones can be
 * had. Keys that cannot be used here are left out.
 */
export class KeySource {
  readonly #from: OidcAccess["jwks"];
  readonly #clock: Clock;
  #keys: readonly PublicKey[] = [];
  #loadedMs = Number.NEGATIVE_INFINITY;
  #triedMs = Number.NEGATIVE_INFINITY;
  #failure: Failure | undefined;
  #loading: Promise<void> | undefined;

  readonly #onUnavailable: (why: string) => void;

  /** Why keys cannot be had is told to `onUnavailable`, and not to those who ask: it may name what is nobody else's business. */
  constructor(from: OidcAccess["jwks"], clock: Clock, onUnavailable: (why: string) => void) {
    this.#from = from;
    this.#clock = clock;
    this.#onUnavailable = onUnavailable;
  }

  /** Reads a file of keys at once. Throws Failure CONFIG_INVALID when it gives none. */
  async start(): Promise<void> {
    if (!("file" in this.#from)) return;
    try {
      const keys = await this.#read();
      if (keys.length === 0) throw new Error("it has no usable key");
      this.#keep(keys);
    } catch (error) {
      const mend =
        "put a JSON Web Key Set with the issuer's public keys there (RSA from 2048 bits, EC or OKP, each with a kid)";
      throw new Failure("CONFIG_INVALID", `api.oidc.jwks.file cannot be used: ${whyOf(error)}`, { mend });
    }
  }

  /** Undefined when the issuer has no such key. Throws Failure CONTROLLER_AUTH when its keys cannot be had. */
  async key(id: string): Promise<PublicKey | undefined> {
    const find = () => this.#keys.find(({ kid }) => kid === id);
    if (!this.#isWithin(freshMs, this.#loadedMs) || !find()) await this.#load();
    const key = find();
    if (this.#failure && !(key && this.#isWithin(staleMs, this.#loadedMs))) throw this.#failure;
    return key;
  }

  /** Whichever way the clock has been set since. */
  #isWithin(ms: number, sinceMs: number): boolean {
    return Math.abs(this.#clock.now() - sinceMs) < ms;
  }

  async #load(): Promise<void> {
    if (!this.#isWithin(spacingMs, this.#triedMs)) {
      this.#triedMs = this.#clock.now();
      this.#loading = this.#loadNow();
    }
    await this.#loading;
  }

  async #loadNow(): Promise<void> {
    try {
      this.#keep(await this.#read());
    } catch (error) {
      this.#failure = unavailable();
      this.#onUnavailable(whyOf(error));
    }
  }

  async #read(): Promise<readonly PublicKey[]> {
    const text = "file" in this.#from ? await readFile(this.#from.file, "utf8") : await fetched(this.#from.url);
    return KeySet.parse(JSON.parse(text)).keys.flatMap((one) => Key.safeParse(one).data ?? []);
  }

  #keep(keys: readonly PublicKey[]): void {
    this.#keys = keys;
    this.#loadedMs = this.#clock.now();
    this.#failure = undefined;
  }
}

/** Bounded in time and size; a redirection is not followed, as it could lead to plain HTTP. */
async function fetched(url: string): Promise<string> {
  const response = await fetch(url, { redirect: "error", signal: AbortSignal.timeout(patienceMs) });
  if (!response.ok || !response.body) throw new Error(`its answer is ${response.status}`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > mostBytes) throw new Error("its answer is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function whyOf(error: unknown): string {
  if (error instanceof z.ZodError || error instanceof SyntaxError) return "what came is not a JSON Web Key Set";
  const { name, message, cause } = error as Error;
  return name === "TimeoutError" ? `no answer within ${patienceMs / 1000} s` : ((cause as Error)?.message ?? message);
}

const unavailable = () =>
  new Failure("CONTROLLER_AUTH", "the issuer's keys cannot be had", {
    retry: "later",
    mend: "see what the controller has printed, or use the token in the state folder",
  });
