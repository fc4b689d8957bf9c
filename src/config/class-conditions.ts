import { z } from "zod";
import type { ClassCondition, ClassUnit, Objective } from "../model/service-class.ts";
import { readLevel, tell, text } from "./fields.ts";

const objectiveForm = /^(\S+)\s+p(\S+)\s+(below|above)\s+(\S.*)$/;
const objectiveExample = "first-token p95 below 500ms";
const conditionForm = /^(\S+)\s+(below|above)\s+(\S.*)$/;
const conditionExample = "path-latency above baseline";
const countForm = /^\d{1,15}(\.\d{1,9})?$/;
const percentileForm = /^\d{1,2}(\.\d{1,6})?$/;
const level = "a time, a percentage, a rate or a number";

/** What is said of a level: `"500ms"`, `"70%"`, `"1 Gbit/s"`, or a plain number for a count. */
type ClassLevel = Readonly<{ unit: ClassUnit; value: number }>;

function readClassLevel(written: string): ClassLevel | undefined {
  if (countForm.test(written)) return { unit: "count", value: Number(written) };
  const read = readLevel(written);
  return read === undefined || read.unit === "bytes" ? undefined : { unit: read.unit, value: read.value };
}

type ObjectiveText = Pick<Objective, "text" | "signal" | "percentile" | "comparator" | "threshold">;

/** `"<signal> p<percentile> below|above <level>"`. */
export const readObjective = text("an objective", `"${objectiveExample}"`, objectiveForm)
  .meta({
    examples: [objectiveExample],
    description: "<signal> p<percentile> below|above <time, percentage, rate or number, as the signal's unit is>.",
  })
  .transform((written, context): ObjectiveText => {
    const wrong = (message: string, mend: string) => {
      context.addIssue({ code: "custom", message: tell(message, mend) });
      return z.NEVER;
    };
    const parts = partsOfObjective(written);
    if (parts === undefined) return z.NEVER;
    if (parts.percentile === undefined) {
      return wrong(
        `"p${parts.rank}" is no percentile`,
        "write more than p0 and less than p100, for example p95 or p99.9",
      );
    }
    if (parts.level === undefined) return wrong(`"${parts.threshold}" is not ${level}`, `write "${objectiveExample}"`);
    const { signal, comparator, percentile } = parts;
    const threshold = parts.level.value;
    if (threshold === 0) return wrong("is of zero, of which nothing is a share", "write a threshold over zero");
    return { text: written, signal, percentile: percentile as Objective["percentile"], comparator, threshold };
  });

/** `"<signal> below|above <level> | objective | baseline"`. */
export const readClassCondition = text("a condition", `"${conditionExample}"`, conditionForm)
  .meta({
    examples: [conditionExample, "gpu-utilisation below 70%"],
    description: "<signal> below|above <time, percentage, rate, number, objective or baseline>.",
  })
  .transform((written, context): ClassCondition => {
    const parts = partsOfCondition(written);
    if (parts === undefined) return z.NEVER;
    const { signal, comparator, threshold } = parts;
    if (threshold !== undefined) {
      return {
        text: written,
        signal,
        comparator,
        threshold: typeof threshold === "string" ? threshold : { value: threshold.value },
      };
    }
    const message = `"${parts.written}" is not ${level}, "objective" or "baseline"`;
    context.addIssue({ code: "custom", message: tell(message, `write for example "${conditionExample}"`) });
    return z.NEVER;
  });

/** An objective's text taken apart; undefined when it has not its form, and its parts where they are wrong. */
export function partsOfObjective(written: string) {
  const [, signal, rank, comparator, threshold] = objectiveForm.exec(written.trim()) ?? [];
  if (signal === undefined || rank === undefined || threshold === undefined) return undefined;
  // By its decimal exponent, not by division: 99.9 / 100 is not 0.999.
  const percentile = percentileForm.test(rank) && Number(rank) > 0 ? Number(`${rank}e-2`) : undefined;
  return {
    signal,
    rank,
    percentile,
    comparator: comparator as "below" | "above",
    threshold,
    level: readClassLevel(threshold),
  };
}

/** A condition's text taken apart, in the same way. */
export function partsOfCondition(text: string) {
  const [, signal, comparator, written] = conditionForm.exec(text.trim()) ?? [];
  if (signal === undefined || written === undefined) return undefined;
  const threshold: "objective" | "baseline" | ClassLevel | undefined =
    written === "objective" || written === "baseline" ? written : readClassLevel(written);
  return { signal, comparator: comparator as "below" | "above", written, threshold };
}
