import pino from "pino";
import type { Change } from "../model/change.ts";
import { nextCommand, showChange } from "./show-change.ts";
import { colours, plain, print } from "./terminal.ts";

type Endpoint = Readonly<{ name: string; protocol: string; url: string }>;

/** What a running controller tells: lines for a person, or one JSON object a line for a log collector. */
export type Teller = Readonly<{
  listening(endpoints: readonly Endpoint[], stateFolder: string): void;
  transition(change: Change): void;
  stopping(): void;
}>;

export function tell(json: boolean): Teller {
  return json ? tellProgram() : tellPerson();
}

function tellProgram(): Teller {
  const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ fd: 1, sync: true }));
  return {
    listening: (endpoints, stateFolder) => log.info({ endpoints, stateFolder }, "listening"),
    transition({ id, state, decision: { reason, intent }, outcome }) {
      const fields = { change: id, state, link: intent.link, reason, ...(outcome ? { outcome } : {}) };
      if (state === "stuck") log.fatal(fields, "change is stuck: a person is needed");
      else log.info(fields, `change ${state}`);
    },
    stopping: () => log.info("stopping"),
  };
}

function tellPerson(): Teller {
  const clock = () => colours.dim(new Date().toISOString().slice(11, 19));
  return {
    listening(endpoints, stateFolder) {
      const places = endpoints.map(({ name, protocol, url }) => `${name} ${protocol} ${url}`).join(", ");
      print(`${clock()} listening: ${places}; state in ${stateFolder}; Ctrl-C ends it`);
    },
    transition(change) {
      if (change.state === "awaiting-approval") return print(`\n${showChange(change)}\n`);
      const { id, state, outcome } = change;
      print(`${clock()} ${id} ${state}${outcome ? `: ${plain(outcome.message)}` : ""}`);
      const next = nextCommand(change);
      if (next) print(next);
    },
    stopping: () => print(`${clock()} stopping`),
  };
}
