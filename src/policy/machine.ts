import { and, assign, not, setup } from "xstate";
import type { Correlation } from "../model/correlation.ts";
import { type Assessment, type Evidence, noEvidence } from "./assess.ts";
import type { Outcome } from "./events.ts";

export const policyStates = [
  "quiet",
  "breaching",
  "deciding",
  "proposed",
  "changing",
  "settling",
  "held",
  "blind",
  "frozen",
] as const;
export type PolicyStateName = (typeof policyStates)[number];

/**
 * Why no decision is made for now: for the policy's `hold` since a change ended, or, when nothing was done, until a whole
 * new window breaches.
 */
export type Hold = Readonly<{
  after: Outcome | "nothing-done";
  sinceMs: number;
  /** Why nothing was done, or what ended. */
  reason: string;
}>;

export type Memory = Readonly<{
  evidence: Evidence;
  hold: Hold | null;
  /** The last change of this breach was stale: the next one that is will be held, or another writer could keep us at it for ever. */
  stale: boolean;
  /** What is being decided, proposed or changed. */
  purpose: "relieve" | "give-back" | null;
  changeId: string | null;
  /** Of the breach, from its first sample until all that came of it is over. */
  correlation: Correlation | null;
}>;

export const blankMemory: Memory = {
  ...{ evidence: noEvidence, hold: null, stale: false, purpose: null },
  ...{ changeId: null, correlation: null },
};

/** What the actor hands the machine: an evaluation comes assessed, so that the machine holds no numbers. */
export type MachineEvent =
  | Readonly<{ type: "evaluated"; frozen: boolean; blind: boolean; holdPassed: boolean; found: Assessment }>
  | Readonly<{ type: "proposed"; changeId: string }>
  | Readonly<{ type: "nothing-done"; reason: string; atMs: number }>
  | Readonly<{ type: "changing" }>
  | Readonly<{ type: "ended"; outcome: Outcome; atMs: number }>;

type Seen = Readonly<{ context: Memory; event: MachineEvent }>;
const evaluated = ({ event }: Seen) => (event.type === "evaluated" ? event : undefined);

const machineSetup = setup({
  types: { context: {} as Memory, events: {} as MachineEvent },
  guards: {
    frozen: (seen) => evaluated(seen)?.frozen === true,
    blind: (seen) => evaluated(seen)?.blind === true,
    above: (seen) => evaluated(seen)?.found.above === true,
    under: (seen) => evaluated(seen)?.found.under === true,
    fires: (seen) => evaluated(seen)?.found.relieve != null,
    "fires anew": (seen) => evaluated(seen)?.found.full === true && evaluated(seen)?.found.relieve != null,
    "calm for long": (seen) => evaluated(seen)?.found.giveBack != null,
    "settles still": (seen) => timeLeft(seen) && seen.context.hold?.after === "confirmed",
    "held still": timeLeft,
    "awaits window": ({ context }) => context.hold?.after === "nothing-done",
    confirmed: ({ event }) => event.type === "ended" && event.outcome === "confirmed",
    "stale at first": ({ context, event }) => event.type === "ended" && event.outcome === "stale" && !context.stale,
  },
  actions: {
    /** The sample counts towards the next decision. */
    gather: assign((seen) => ({ evidence: evaluated(seen)?.found.evidence ?? seen.context.evidence })),
    /** Nothing may be decided yet: a breach gathers no evidence, but calm does. */
    watch: assign((seen) => ({
      evidence: { ...(evaluated(seen)?.found.evidence ?? seen.context.evidence), window: [] },
    })),
    /** What is under way will be judged on what comes after it. */
    "start anew": assign((seen) => ({
      evidence: { ...(evaluated(seen)?.found.evidence ?? seen.context.evidence), window: [], calm: null },
    })),
    /** What comes of this sample belongs to the breach that goes on, or begins one. */
    correlate: assign((seen) => ({
      correlation: seen.context.correlation ?? evaluated(seen)?.found.correlation ?? null,
    })),
    /** What comes next belongs to the breach that begins with this sample, or to none. */
    "correlate anew": assign((seen) => {
      const found = evaluated(seen)?.found;
      return found?.above ? { correlation: found.correlation } : { correlation: null, stale: false };
    }),
    "to relieve": assign({ purpose: "relieve" as const }),
    "to give back": assign({ purpose: "give-back" as const }),
    "keep change": assign(({ event }) => (event.type === "proposed" ? { changeId: event.changeId } : {})),
    "drop stale change": assign({ stale: true, purpose: null, changeId: null }),
    hold: assign(({ context, event }) => {
      if (event.type === "ended") {
        const hold = { after: event.outcome, sinceMs: event.atMs, reason: context.changeId ?? "a change" };
        return { hold, stale: event.outcome === "stale", purpose: null, changeId: null };
      }
      if (event.type !== "nothing-done") return {};
      return { hold: { after: "nothing-done" as const, sinceMs: event.atMs, reason: event.reason }, purpose: null };
    }),
    release: assign({ hold: null }),
  },
});

function timeLeft({ context, event }: Seen): boolean {
  return (
    event.type === "evaluated" && context.hold !== null && context.hold.after !== "nothing-done" && !event.holdPassed
  );
}

// Wherever no decision is under way; what is gathered then is nothing. A freeze is a person's word, and is told before blindness.
const stops = [
  { guard: "frozen", target: "frozen", actions: "gather" },
  { guard: "blind", target: "blind", actions: "gather" },
] as const;

// The evaluation that ends a hold, a freeze or blindness is the first of a new window, and decides nothing itself.
const becomesQuiet = { target: "quiet", actions: ["release", "correlate anew", "gather"] } as const;

const resumes = [
  ...stops,
  { guard: "settles still", target: "settling", actions: "watch" },
  { guard: "held still", target: "held", actions: "watch" },
  { guard: "awaits window", target: "held", actions: "gather" },
  becomesQuiet,
] as const;

/** One policy on one of its targets: when a decision is due, and when it is not. */
export const policyMachine = machineSetup.createMachine({
  context: blankMemory,
  initial: "quiet",
  // The journal of changes has the last word: what it says of a change holds in whatever state the actor was restored.
  on: {
    proposed: { target: ".proposed", actions: ["start anew", "keep change"] },
    changing: { target: ".changing", actions: "start anew" },
    ended: [
      { guard: "confirmed", target: ".settling", actions: ["start anew", "hold"] },
      // Nothing was tried, so there is nothing to wait for: what routers have now is another question.
      { guard: "stale at first", target: ".quiet", actions: ["start anew", "drop stale change"] },
      { target: ".held", actions: ["start anew", "hold"] },
    ],
  },
  states: {
    quiet: {
      on: {
        evaluated: [
          ...stops,
          { guard: "fires", target: "deciding", actions: ["start anew", "correlate", "to relieve"] },
          { guard: "above", target: "breaching", actions: ["gather", "correlate"] },
          { guard: "calm for long", target: "deciding", actions: ["start anew", "correlate", "to give back"] },
          { actions: ["gather", "correlate anew"] },
        ],
      },
    },
    breaching: {
      on: {
        evaluated: [
          ...stops,
          { guard: "fires", target: "deciding", actions: ["start anew", "correlate", "to relieve"] },
          { guard: "under", target: "quiet", actions: ["gather", "correlate anew"] },
          { actions: "gather" },
        ],
      },
    },
    deciding: {
      on: { evaluated: { actions: "start anew" }, "nothing-done": { target: "held", actions: ["start anew", "hold"] } },
    },
    // Neither blindness nor a freeze takes back what people are asked or routers are doing: the change has its own guards.
    proposed: { on: { evaluated: { actions: "start anew" } } },
    changing: { on: { evaluated: { actions: "start anew" } } },
    settling: { on: { evaluated: resumes } },
    held: {
      on: {
        evaluated: [
          ...stops,
          { guard: "held still", actions: "watch" },
          {
            guard: and(["awaits window", "fires anew"]),
            target: "deciding",
            actions: ["release", "start anew", "correlate", "to relieve"],
          },
          { guard: and(["awaits window", not("under")]), actions: "gather" },
          becomesQuiet,
        ],
      },
    },
    blind: { on: { evaluated: resumes } },
    frozen: { on: { evaluated: resumes } },
  },
});
