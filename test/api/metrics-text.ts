import { expect } from "vitest";

export type MetricSample = [name: string, labels: Record<string, string>, value: number];

/** Prometheus's text format 0.0.4, as its specification has it: `name{label="value",…} number`, with \\, \" and \n escaped. */
export function samplesOf(text: string): MetricSample[] {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line) => {
    const [, name = "", inner = "", value = ""] =
      /^([a-z_0-9]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\["\\n])*",?)*)\})? (\S+)$/.exec(line) ??
      expect.fail(`not a sample: ${line}`);
    const labels = [...inner.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = "", escaped = ""]) => [
      label,
      escaped.replace(/\\(.)/g, (_, letter: string) => (letter === "n" ? "\n" : letter)),
    ]);
    return [name, Object.fromEntries(labels) as Record<string, string>, Number(value)];
  });
}
