import { z } from "zod";
import { Failure, fail, ok, type Result } from "../kernel/failure.ts";
import type { PrometheusQuery } from "../model/inventory.ts";
import { maxAheadMs } from "./skew.ts";

/**
 * The answer to an instant query.
 * Shape:  `data.result[]` of `{ metric: { <label>: <text> }, value: [unix s, "<number>"] }`; a native histogram has no `value`.
 * Source: Prometheus HTTP API, "Instant queries" and "Format overview".
 *
 * Rows are parsed one by one, up to the first that is wrong: a report on each of ten million would fill the memory.
 */
const Answer = z.object({
  status: z.literal("success"),
  warnings: z.custom<readonly unknown[]>(Array.isArray).optional(),
  data: z.object({
    resultType: z.literal("vector"),
    result: z.custom<readonly unknown[]>(Array.isArray, "not a list"),
  }),
});
const Row = z.object({
  metric: z.custom<Readonly<Record<string, string>>>(isLabels, "metric: not labels with text"),
  value: z.tuple([z.number(), z.string()]).optional(),
});
type Row = z.infer<typeof Row>;

function isLabels(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((label) => typeof label === "string");
}

const ErrorAnswer = z.object({ status: z.literal("error"), errorType: z.string(), error: z.string() });

/** Of what a server says, in a reason for people. */
const longestQuote = 400;
const mostWarnings = 5;

/** More series than these of one histogram are refused together: some of its replicas would not be the class. */
const maxBucketSeries = 5000;

/**
 * `bucketLabel`: of a histogram, told apart by upper bound and by what else the answer has. A reading's `series` is all other
 * labels of a counter that one process counts, its name among them; `sum` those of one that a query worked out, which has
 * no name. A recorded sum has one, and is taken for a process's.
 */
export type AskedQuery = PrometheusQuery & Readonly<{ bucketLabel?: "le" }>;

export type Reading = Readonly<{
  labels: Readonly<Record<string, string>>;
  /** Absent when the series is there but its value is not a usable number. */
  value?: number;
  sourceMs: number;
}>;

/** `notes` say, for people, what of the answer was not used and what the server warned of. */
export type PromqlAnswer = Readonly<{ readings: readonly Reading[]; notes: readonly string[] }>;

/**
 * Reads an HTTP response's status and decoded body. TELEMETRY_FAILED, with retry `never` where the server refused the
 * query or the credentials. NaN, infinities, missing labels and stamps in the future are refused sample by sample, and
 * series that fall on the same labels are refused together, because no one of them is the value.
 */
export function readAnswer(
  httpStatus: number,
  body: unknown,
  query: AskedQuery,
  receivedMs: number,
): Result<PromqlAnswer> {
  const error = ErrorAnswer.safeParse(body);
  if (httpStatus !== 200 || error.success) {
    const said = error.success
      ? quoted(`${error.data.errorType}: ${error.data.error}`)
      : "no Prometheus error in the body";
    return fail(
      new Failure("TELEMETRY_FAILED", `HTTP ${httpStatus}, ${said}`, {
        retry: [400, 401, 403, 422].includes(httpStatus) ? "never" : "later",
        mend: "check telemetry.prometheus: its url, its token and the query",
      }),
    );
  }
  const answer = Answer.safeParse(body);
  if (!answer.success) {
    return fail(noVector(typeof body === "string" ? "text that is not JSON" : z.prettifyError(answer.error)));
  }
  const rows: Row[] = [];
  for (const [index, one] of answer.data.data.result.entries()) {
    const row = Row.safeParse(one);
    if (!row.success) return fail(noVector(`row ${index + 1}: ${z.prettifyError(row.error)}`));
    rows.push(row.data);
  }
  return ok(readVector(rows, (answer.data.warnings ?? []).filter(isText), query, receivedMs));
}

const noVector = (what: string): Failure =>
  new Failure("TELEMETRY_FAILED", `HTTP 200, but not an instant vector: ${quoted(what)}`, {
    retry: "later",
    mend: "check that telemetry.prometheus.url is a Prometheus server and that the query gives an instant vector",
  });

const isText = (value: unknown) => typeof value === "string";
const quoted = (text: string) => (text.length > longestQuote ? `${text.slice(0, longestQuote)}…` : text);

function readVector(
  rows: readonly Row[],
  warnings: readonly string[],
  query: AskedQuery,
  receivedMs: number,
): PromqlAnswer {
  const refused = new Map<string, number>();
  const refuse = (why: string) => refused.set(why, (refused.get(why) ?? 0) + 1);
  const readings = new Map<string, Reading>();
  const { linkLabel: link, prefixLabel: prefix, flowLabel: flow, classLabel, bucketLabel: le } = query;
  const labelled = { link, prefix, flow, class: classLabel, le };
  const wanted = Object.entries(labelled).flatMap(([name, label]) =>
    label === undefined ? [] : [[name, label] as const],
  );
  for (const { metric, value } of rows) {
    const absent = wanted.find(([, label]) => metric[label] === undefined);
    if (absent) refuse(`no label ${absent[1]}`);
    else {
      const labels = {
        ...Object.fromEntries(wanted.map(([name, label]) => [name, metric[label] ?? ""])),
        ...(le === undefined ? {} : identity(metric, le)),
      };
      const key = JSON.stringify(labels);
      if (readings.has(key)) {
        refuse("several series for the same labels: aggregate them in the query");
        readings.set(key, { labels, sourceMs: 0 });
      } else readings.set(key, { labels, ...readValue(value, receivedMs, refuse) });
    }
  }
  if (le !== undefined && readings.size > maxBucketSeries) {
    refused.set(`more than ${maxBucketSeries} series of one histogram: select fewer, or sum by (le)`, readings.size);
    readings.clear();
  }
  return {
    readings: [...readings.values()],
    notes: [
      ...(rows.length === 0 ? ["the answer is empty"] : []),
      ...[...refused].map(([why, count]) => `${count} refused: ${why}`),
      ...warnings.slice(0, mostWarnings).map((warning) => `warning: ${quoted(warning)}`),
      ...(warnings.length > mostWarnings ? [`and ${warnings.length - mostWarnings} more warnings`] : []),
    ],
  };
}

/** What tells a histogram's buckets of one bound apart; nothing where there is but one. */
function identity(metric: Readonly<Record<string, string>>, le: string): Readonly<Record<string, string>> {
  const others = Object.entries(metric).filter(([name]) => name !== le);
  if (others.length === 0) return {};
  const text = JSON.stringify(others.sort(([a], [b]) => (a < b ? -1 : 1)));
  // Aggregations, functions and arithmetic drop it.
  return "__name__" in metric ? { series: text } : { sum: text };
}

function readValue(
  value: readonly [number, string] | undefined,
  receivedMs: number,
  refuse: (why: string) => void,
): Omit<Reading, "labels"> {
  const sourceMs = (value?.[0] ?? 0) * 1000;
  const number = value === undefined || value[1].trim() === "" ? Number.NaN : Number(value[1]);
  if (value === undefined) refuse("a native histogram");
  else if (!Number.isFinite(number)) refuse("not a finite number");
  else if (sourceMs > receivedMs + maxAheadMs) refuse("stamped in the future");
  else return { value: number, sourceMs };
  return { sourceMs };
}
