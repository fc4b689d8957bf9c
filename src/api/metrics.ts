import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { version } from "../kernel/version.ts";
import { type Change, changeStates, finalStates } from "../model/change.ts";
import type { Controller, Status } from "../model/controller.ts";
import type { Mode } from "../model/policy.ts";
import type { Vitals, Watch } from "../model/vitals.ts";

type Metric = Readonly<{ help: string; labels?: readonly string[] }> &
  Readonly<{ kind: "gauge" | "counter" } | { kind: "histogram"; buckets: readonly number[] }>;

/** Of what the controller knows of itself, in the base units of Prometheus. Labels hold what files name, and states: never what traffic brings. */
const metrics = {
  pointsman_build_info: { kind: "gauge", help: "1; its labels say what runs", labels: ["version", "node"] },
  pointsman_loop_age_seconds: {
    kind: "gauge",
    help: "Since the policy last looked at its targets; absent before the first time",
    labels: ["policy"],
  },
  pointsman_policy_actors: {
    kind: "gauge",
    help: "Targets of the policy, by the state that it is in on them",
    labels: ["policy", "state"],
  },
  pointsman_policy_autonomy: {
    kind: "gauge",
    help: "What the policy may do: 0 observe, 1 propose, 2 auto",
    labels: ["policy"],
  },
  pointsman_policy_autonomy_lowered: {
    kind: "gauge",
    help: "1 where that is less than its file says, 0 where not",
    labels: ["policy"],
  },
  pointsman_policy_prediction_error_ratio: {
    kind: "gauge",
    help: "Mean prediction error of the policy's last changes, of a link's capacity; absent where none is known",
    labels: ["policy"],
  },
  pointsman_policy_prediction_error_limit_ratio: {
    kind: "gauge",
    help: "Mean prediction error beyond which an auto policy has to ask",
    labels: ["policy"],
  },
  pointsman_change_prediction_error_ratio: {
    kind: "histogram",
    help: "Prediction errors of the journal's changes, of a link's capacity",
    labels: ["policy"],
    buckets: [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1],
  },
  pointsman_changes_open: { kind: "gauge", help: "Changes that are not over, by state", labels: ["state"] },
  pointsman_changes_total: {
    kind: "counter",
    help: "Changes of the journal that are over",
    labels: ["policy", "action", "outcome"],
  },
  pointsman_change_state_duration_seconds: {
    kind: "histogram",
    help: "How long the journal's changes were in each state that they have left",
    labels: ["state"],
    buckets: [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600],
  },
  pointsman_telemetry_age_seconds: {
    kind: "gauge",
    help: "Since the newest sample of the source, by the source's clock; absent before the first",
    labels: ["source"],
  },
  pointsman_telemetry_synced: {
    kind: "gauge",
    help: "1 where samples of the source flow, 0 where not",
    labels: ["source"],
  },
  pointsman_telemetry_refused_samples_total: {
    kind: "counter",
    help: "Samples that cannot be what they are said to be, since the start",
  },
  pointsman_telemetry_unknown_series_total: {
    kind: "counter",
    help: "Series that name what the inventory does not have, since the start",
  },
  pointsman_router_readable: {
    kind: "gauge",
    help: "1 where the router's configuration could be read the last time, 0 where not; absent before the first",
    labels: ["router"],
  },
  pointsman_journal_entries_total: { kind: "counter", help: "Entries of the journal" },
  pointsman_recovering_changes: {
    kind: "gauge",
    help: "Changes that a predecessor left under way, and that are not over yet",
  },
  pointsman_shed_level: {
    kind: "gauge",
    help: "What the class is asked for: 0 nothing, 1 to offer less, 2 it is held back, 3 it is held at its floor",
    labels: ["class"],
  },
  pointsman_shed_until_seconds: {
    kind: "gauge",
    help: "Unix time at which the level may be over at the earliest",
    labels: ["class"],
  },
  pointsman_shed_info: { kind: "gauge", help: "Why the class has its level", labels: ["class", "reason"] },
} as const satisfies Readonly<Record<string, Metric>>;

type Labels = Readonly<Record<string, string>>;
/** Sets a gauge, adds to a counter, or observes for a histogram. */
type Put = (name: keyof typeof metrics, value: number, labels?: Labels) => void;

/**
 * What the controller knows of itself, and the process's own metrics.
 * Shape:  Prometheus text format 0.0.4, label values escaped; `{ contentType, text }`.
 * Units:  seconds, ratios; `pointsman_shed_level` 0 to 3, see `ShedDegree`. What is not known is absent. Counters and histograms of changes
 *         are over the journal's life, so they go on after a restart.
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function metricsOf(controller: Controller, watch: Watch): () => Promise<{ contentType: string; text: string }> {
  const ofProcess = new Registry();
  collectDefaultMetrics({ register: ofProcess });
  return async () => {
    // Made anew for each answer, so that what is no longer so leaves no series behind.
    const { registry, put } = sheet();
    put("pointsman_build_info", 1, { version, node: process.version });
    putVitals(put, await watch.vitals());
    putStatus(put, await controller.status());
    for (const change of await controller.changes()) putChange(put, change);
    for (const { class: name, level, reason, untilMs } of await controller.shed()) {
      put("pointsman_shed_level", level, { class: name });
      if (untilMs !== null) put("pointsman_shed_until_seconds", untilMs / 1000, { class: name });
      put("pointsman_shed_info", 1, { class: name, reason });
    }
    return { contentType: registry.contentType, text: await Registry.merge([registry, ofProcess]).metrics() };
  };
}

const autonomyOf: Readonly<Record<Mode, number>> = { observe: 0, propose: 1, auto: 2 };

function putVitals(put: Put, vitals: Vitals): void {
  const { atMs } = vitals;
  for (const { policy, lookedMs, mode, meanError, maxPredictionError } of vitals.policies) {
    if (lookedMs !== undefined) put("pointsman_loop_age_seconds", secondsTo(atMs, lookedMs), { policy });
    put("pointsman_policy_autonomy", autonomyOf[mode.earned], { policy });
    put("pointsman_policy_autonomy_lowered", mode.earned === mode.written ? 0 : 1, { policy });
    if (meanError !== undefined) put("pointsman_policy_prediction_error_ratio", meanError, { policy });
    put("pointsman_policy_prediction_error_limit_ratio", maxPredictionError, { policy });
  }
  for (const { source, state, newestMs } of vitals.sources) {
    if (newestMs !== undefined) put("pointsman_telemetry_age_seconds", secondsTo(atMs, newestMs), { source });
    put("pointsman_telemetry_synced", state === "synced" ? 1 : 0, { source });
  }
  put("pointsman_telemetry_refused_samples_total", vitals.refusedSamples);
  put("pointsman_telemetry_unknown_series_total", vitals.unknownSeries);
  put("pointsman_journal_entries_total", vitals.journalEntries);
  put("pointsman_recovering_changes", vitals.recovering);
}

function putStatus(put: Put, { policies, devices, open }: Status): void {
  const actors = new Map(policies.map(({ policy, state }) => [`${policy} ${state}`, { policy, state }]));
  for (const labels of actors.values()) {
    const those = policies.filter(({ policy, state }) => policy === labels.policy && state === labels.state);
    put("pointsman_policy_actors", those.length, labels);
  }
  for (const [router, { failure }] of Object.entries(devices))
    put("pointsman_router_readable", failure ? 0 : 1, { router });
  for (const state of changeStates) {
    if (finalStates.includes(state)) continue;
    put("pointsman_changes_open", open.filter((change) => change.state === state).length, { state });
  }
}

function putChange(
  put: Put,
  { policy: { name: policy }, decision, state, verdict, times: { reached = [] } }: Change,
): void {
  if (finalStates.includes(state)) {
    put("pointsman_changes_total", 1, { policy, action: decision.action, outcome: state });
  }
  if (verdict?.predictionError) {
    put("pointsman_change_prediction_error_ratio", verdict.predictionError.error, { policy });
  }
  for (const [index, { state: left, atMs }] of reached.entries()) {
    const next = reached[index + 1];
    if (next) put("pointsman_change_state_duration_seconds", secondsTo(next.atMs, atMs), { state: left });
  }
}

/** A clock that was set back makes no negative age. */
const secondsTo = (untilMs: number, fromMs: number) => Math.max(0, untilMs - fromMs) / 1000;

function sheet(): { registry: Registry; put: Put } {
  const registry = new Registry();
  const puts = new Map(
    Object.entries<Metric>(metrics).map(([name, metric]) => {
      const options = { name, help: metric.help, labelNames: metric.labels ?? [], registers: [registry] };
      return [name, putTo(metric, options)];
    }),
  );
  return { registry, put: (name, value, labels = {}) => puts.get(name)?.(labels, value) };
}

type Options = Readonly<{ name: string; help: string; labelNames: readonly string[]; registers: Registry[] }>;

function putTo(metric: Metric, options: Options): (labels: Labels, value: number) => void {
  switch (metric.kind) {
    case "gauge": {
      const gauge = new Gauge(options);
      return (labels, value) => gauge.set(labels, value);
    }
    case "counter": {
      const counter = new Counter(options);
      return (labels, value) => counter.inc(labels, value);
    }
    case "histogram": {
      const histogram = new Histogram({ ...options, buckets: [...metric.buckets] });
      return (labels, value) => histogram.observe(labels, value);
    }
  }
}
