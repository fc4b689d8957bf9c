import { z } from "zod";
import { formatPercent, parseDurationMs, parsePercent, parseRate, type Ratio } from "../kernel/units.ts";
import type { SecretRef } from "../model/inventory.ts";
import type { SignalUnit } from "../model/signal.ts";
import { suggest } from "./did-you-mean.ts";
import { readPrefix } from "./ip-prefix.ts";

/** zod carries one text per issue: the message and the mend travel in it, a line each. `check.ts` takes them apart. */
export const tell = (message: string, mend: string): string => `${message}\n${mend}`;

/** What is said of every field that must be there and is not. */
export const missing = "is missing";

type Issue = Readonly<{ code?: string | undefined; input?: unknown; path?: PropertyKey[] | undefined }>;

/** What a field says of a wrong value. `secret`: the value may be one, and is not shown. */
function complain(what: string, example: string, secret?: "secret"): (issue: Issue) => string {
  return ({ input, path }) => {
    if (input === undefined) return tell(missing, `add ${String(path?.at(-1))}: ${example}`);
    const shown = secret ? "the value" : show(input);
    return tell(`${shown} is not ${what}`, `write ${what}, for example ${example}`);
  };
}

function show(input: unknown): string {
  if (input === null) return "nothing";
  if (Array.isArray(input)) return "a list";
  return typeof input === "object" ? "a section" : JSON.stringify(input);
}

/** A mapping with these fields and no others. */
export function section<Shape extends z.ZodRawShape>(shape: Shape) {
  const names = Object.keys(shape).join(", ");
  return z.strictObject(shape, {
    error: ({ code, input }) => {
      // Not a text for people: `check.ts` makes one finding per unknown field, and needs the known ones for its guess.
      if (code === "unrecognized_keys") return names;
      if (input === undefined) return tell(missing, `add this section, with ${names}`);
      return tell(input === null ? "is empty" : `${show(input)} is not a section`, `give it the fields ${names}`);
    },
  });
}

export function listOf<Item extends z.ZodType>(item: Item, what: string, example: string) {
  return z.array(item, { error: complain(`a list of ${what}`, example) });
}

/** Text of a given form. `what` completes "is not …". */
export function text(what: string, example: string, form: RegExp) {
  const error = complain(what, example);
  return z
    .string({ error })
    .regex(form, { error })
    .meta({ examples: [example] });
}

export const prose = (example: string) => text("text", example, /\S/);

/** Written into router configuration and command lines, where white space would end it. */
export const word = (what: string, example: string) => text(what, example, /^[^\s"'`;|&$\\<>]{1,255}$/);

export const name = (example: string) =>
  text("a name of letters, digits, dot, colon, dash and underscore", example, /^[A-Za-z0-9][A-Za-z0-9._:-]{0,62}$/);

export function whole(least: number, most: number, example: number) {
  const error = complain(`a whole number from ${least} to ${most}`, String(example));
  return z
    .int({ error })
    .min(least, { error })
    .max(most, { error })
    .meta({ examples: [example] });
}

export function money(example: number) {
  const error = complain("an amount of money, zero or more", String(example));
  return z
    .number({ error })
    .min(0, { error })
    .meta({ examples: [example] });
}

export function yesOrNo(example: boolean) {
  return z.boolean({ error: complain("true or false", String(example)) });
}

export function oneOf<const Names extends readonly [string, ...string[]]>(names: Names) {
  return z.enum(names, {
    error: ({ input, path }) => {
      if (input === undefined) return tell(missing, `add ${String(path?.at(-1))}: ${names.join(" or ")}`);
      if (typeof input !== "string")
        return tell(`${show(input)} is not one of ${names.join(", ")}`, "write one of them");
      return tell(`"${input}" is not known`, suggest(input, names));
    },
  });
}

/** Who writes 85 or 0.85 means 85%. It is not guessed, only offered. */
function complainOfShare(what: string, example: string): (issue: Issue) => string {
  return (issue) => {
    const { input } = issue;
    const meant = typeof input === "number" && input > 0 && input <= 100;
    return complain(what, meant ? (input <= 1 ? formatPercent(input) : `${input}%`) : example)(issue);
  };
}

// Nine digits: a longer number is a slip of the finger, and one long enough would be infinite.
const percentForm = /^\d{1,9}(\.\d{1,9})?\s*%$/;
const rateForm = /^\d{1,9}(\.\d{1,9})?\s*[kMGT]?bit\/s$/;
const durationForm = /^\d{1,9}(\.\d{1,9})?\s*(ms|s|m|h|d)$/;
const levelForm = new RegExp(`${percentForm.source}|${rateForm.source}|${durationForm.source}`);
/** A timer in Node holds 2^31 - 1 ms, some 24.8 days, and fires at once beyond that. */
const longestMs = 24 * 86_400_000;

/** A share from 0% to 100%, as a ratio. `positive`: zero would make no sense here. */
export function percent(example: string, positive?: "positive") {
  const error = complainOfShare("a percentage", example);
  return z
    .string({ error })
    .regex(percentForm, { error })
    .meta({ examples: [example] })
    .transform((written) => parsePercent(written) as Ratio)
    .refine((share) => share <= 1, {
      error: ({ input }) =>
        tell(`${formatPercent(Number(input))} is over 100%`, "write a share of the whole, at most 100%"),
    })
    .refine((share) => share > 0 || !positive, {
      error: tell("0% leaves nothing", `write more than 0%, for example ${example}`),
    });
}

/** A time span longer than zero and at most 24 days, in milliseconds. */
export function duration(example: string) {
  const error = complain("a duration with its unit (ms, s, m, h, d)", example);
  return z
    .string({ error })
    .regex(durationForm, { error })
    .meta({ examples: [example] })
    .transform((written) => parseDurationMs(written) as number)
    .refine((ms) => ms > 0, {
      error: tell("no time at all", `write a duration longer than zero, for example ${example}`),
    })
    .refine((ms) => ms <= longestMs, { error: tell("is too long", "write at most 24d") });
}

/** A rate above zero. */
export function rate(example: string) {
  const error = complain("a rate in bit/s, kbit/s, Mbit/s, Gbit/s or Tbit/s", example);
  return z
    .string({ error })
    .regex(rateForm, { error })
    .transform((written, context) => {
      const parsed = parseRate(written);
      if (parsed) return parsed;
      context.addIssue({
        code: "custom",
        message: tell("is zero", `write the speed of the link, for example ${example}`),
      });
      return z.NEVER;
    });
}

/** A threshold: a share, a rate or a time, as the signal asks; a share may be over 100%, where the signal may. */
export type Level = Readonly<{ unit: SignalUnit; value: number }>;

export function readLevel(written: string): Level | undefined {
  if (!levelForm.test(written)) return undefined;
  const share = parsePercent(written);
  if (share !== undefined) return { unit: "ratio", value: share };
  const bits = parseRate(written);
  if (bits !== undefined) return { unit: "rate", value: bits };
  const ms = parseDurationMs(written);
  return ms === undefined ? undefined : { unit: "ms", value: ms };
}

export function level(example: string) {
  const error = complainOfShare("a percentage, a rate or a time", example);
  return z
    .string({ error })
    .regex(levelForm, { error })
    .meta({ examples: [example, "800 Mbit/s", "10ms"] })
    .transform((written) => readLevel(written) as Level);
}

export const prefix = z.string({ error: complain("an IP prefix", "192.0.2.0/24") }).transform((written, context) => {
  const reading = readPrefix(written);
  if ("prefix" in reading) return reading.prefix;
  context.addIssue({ code: "custom", message: tell(`${written} ${reading.wrong}`, reading.mend) });
  return z.NEVER;
});

export const host = text(
  "a host name or an address, without scheme or port",
  "192.0.2.10",
  /^(?![0-9.]*:\d+$)[A-Za-z0-9:][A-Za-z0-9.:_-]*$/,
);
export const port = (example: number) => whole(1, 65_535, example);

/** Exactly one of the three; the secret itself is never written here, and a value that may be one is never shown. */
export function secretRef(toPath: (written: string) => string) {
  const example = "{ env: ROUTER_PASSWORD }, { file: password } or { command: [pass, router] }";
  const error = complain("a reference to a secret", example, "secret");
  const argument = z.string({ error }).regex(/^[^\0]+$/, { error });
  return z
    .strictObject(
      {
        env: z
          .string({ error })
          .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, {
            error: complain("the name of an environment variable", "ROUTER_PASSWORD", "secret"),
          })
          .exactOptional(),
        file: z.string({ error }).min(1, { error }).transform(toPath).exactOptional(),
        command: z
          .array(argument, { error })
          .min(1, { error })
          .transform(([program = "", ...args]) => [program, ...args] as const)
          .exactOptional(),
      },
      { error: (issue) => (issue.code === "unrecognized_keys" ? "env, file, command" : error(issue)) },
    )
    .transform(({ env, file, command }, context): SecretRef => {
      const named: SecretRef[] = [
        ...(env === undefined ? [] : [{ env }]),
        ...(file === undefined ? [] : [{ file }]),
        ...(command === undefined ? [] : [{ command }]),
      ];
      const [only, second] = named;
      if (only && !second) return only;
      context.addIssue({
        code: "custom",
        message: tell("must name one place", "write one of env, file and command"),
      });
      return z.NEVER;
    });
}
