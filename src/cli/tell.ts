import pino from "pino";
import type { RouterOperation } from "../app/observed-device.ts";
import type { Change } from "../model/change.ts";
import type { Conclusion } from "../model/conclusion.ts";
import type { PolicyStep, Trouble } from "../model/controller.ts";
import { evidenceTable, nextCommand, showChange } from "./show-change.ts";
import { colours, plain, print } from "./terminal.ts";

type Endpoint = Readonly<{ name: string; protocol: string; url: string }>;

/** What a running controller tells: lines for a person, or one JSON object a line for a log collector. */
export type Teller = Readonly<{
  listening(endpoints: readonly Endpoint[]): void;
  transition(change: Change): void;
  trouble(trouble: Trouble): void;
  conclusion(conclusion: Conclusion): void;
  /** A policy came to another state on a target. */
  policyStep(step: PolicyStep): void;
  operation(operation: RouterOperation): void;
  stopping(): void;
}>;

export function tell(json: boolean, state: string): Teller {
  return json ? tellProgram(state) : tellPerson(state);
}

function tellProgram(state: string): Teller {
  const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ fd: 1, sync: true }));
  return {
    listening: (endpoints) => log.info({ endpoints, state }, "listening"),
    transition({ id, correlation, policy, state: reached, mode, lowered, decision, verdict, outcome }) {
      const fields = {
        ...{ correlation, change: id, state: reached, policy: policy.name, target: decision.intent.target },
        ...{ reason: decision.reason, mode, ...(lowered === undefined ? {} : { lowered }) },
        ...(verdict ? { verdict: verdict.outcome } : {}),
        ...(verdict?.predictionError ? { predictionError: verdict.predictionError } : {}),
        ...(outcome ? { outcome } : {}),
      };
      if (reached === "stuck") log.fatal(fields, "change is stuck: a person is needed");
      else log.info(fields, `change ${reached}`);
    },
    trouble({ where, failure }) {
      if (failure) log.warn({ where, failure }, "trouble");
      else log.info({ where }, "well");
    },
    conclusion({ correlation, policy, target, outcome, reason, attribution }) {
      log.info(
        { correlation, policy, target, outcome, reason, ...(attribution ? { attribution } : {}) },
        `nothing done: ${outcome}`,
      );
    },
    policyStep: ({ correlation, ...step }) =>
      log.info({ ...(correlation === undefined ? {} : { correlation }), ...step }, `policy ${step.state}`),
    operation({ change, device, operation, durationMs, failure }) {
      const fields = {
        ...(change ? { correlation: change.correlation, change: change.id } : {}),
        ...{ device, operation, durationMs, result: failure ? failure.code : "ok" },
        ...(failure ? { failure } : {}),
      };
      if (failure) log.warn(fields, `router ${operation} failed`);
      else log.info(fields, `router ${operation}`);
    },
    stopping: () => log.info("stopping"),
  };
}

function tellPerson(state: string): Teller {
  const clock = () => colours.dim(new Date().toISOString().slice(11, 19));
  return {
    listening(endpoints) {
      const places = endpoints.map(({ name, protocol, url }) => `${name} ${protocol} ${url}`).join(", ");
      print(`${clock()} listening: ${places}; state in ${state}; Ctrl-C ends it`);
    },
    transition(change) {
      if (change.state === "awaiting-approval") return print(`\n${showChange(change, state)}\n`);
      const { id, outcome } = change;
      print(`${clock()} ${id} ${change.state}${outcome ? `: ${plain(outcome.message)}` : ""}`);
      const next = nextCommand(change, state);
      if (next) print(next);
    },
    trouble({ where, failure }) {
      if (!failure) return print(`${clock()} ${where} is well again`);
      print(`${clock()} ${where} ${colours.red(failure.code)} ${plain(failure.message)}`);
      if (failure.mend) print(`         mend: ${plain(failure.mend)}`);
    },
    conclusion({ target, outcome, reason, attribution }) {
      print(`${clock()} ${target} ${colours.yellow(outcome)}: ${plain(reason)}`);
      if (attribution && attribution.evidence.length > 0) print(evidenceTable(attribution));
    },
    // What comes of these is told of the change.
    policyStep: () => undefined,
    operation: () => undefined,
    stopping: () => print(`${clock()} stopping`),
  };
}
