import { type Change, finalStates } from "../../src/model/change.ts";
import type { JournalEntry, JournalWrites } from "../../src/model/journal.ts";
import type { Facts } from "./facts.ts";
import { intervalMs, network, policy } from "./world.ts";

// Each is what must hold, judged on the facts alone: what is wrong, or undefined. The number is that of ARCHITECTURE.md.

export type Push = Readonly<{ device: string; token: string; before: string }>;
export type Undo = Readonly<{ device: string; before: string; expected: string | undefined; seen: string }>;
export type Write = Readonly<{ entry: JournalEntry; writes: JournalWrites; earlier: Change | undefined }>;

type Wrong = string | undefined;

/** Longer than any of the simulated routers' timers can be late. */
const latestMs = 31_000;
const people = new Set(["ann", "bob", "eve"]);
const guards = 13;

/** When a trial begins on a router. */
export const atPush = {
  /** 1. The plan, its way back and its reason are on disk before a router is touched. */
  journaledBeforePush(facts: Facts, { device, token }: Push): Wrong {
    const change = facts.changeOf(token);
    if (!change) return `no change on disk has the token ${token}`;
    // A command may come late, and find the change being taken back because nothing was heard of it.
    if (change.state !== "committing" && change.state !== "rolling-back")
      return `${change.id} is ${change.state} on disk`;
    const step = change.plan.steps.find((one) => one.device === device);
    if (!step?.inverse.config) return `${change.id} has no way back for ${device}`;
    return change.decision.reason === "" ? `${change.id} has no reason` : undefined;
  },

  /** 5. What runs is what the plan was made from, byte for byte: nobody's edit is written over. */
  startsFromBasis(facts: Facts, { device, token, before }: Push): Wrong {
    const step = facts.changeOf(token)?.plan.steps.find((one) => one.device === device);
    return step && step.basis !== before ? `${device} did not read what the plan was made from` : undefined;
  },

  /** 5. Nothing else is on a router, or stuck there; what is stuck on other routers does not hold up a person's rollback. */
  oneChangeAtATime(facts: Facts, { token }: Push): Wrong {
    const change = facts.changeOf(token);
    const devicesOf = (one: Change | undefined) => one?.plan.steps.map((step) => step.device) ?? [];
    const other = [...facts.changes.values()].find((one) => {
      if (one.id === change?.id || !onRouters.has(one.state)) return false;
      const isElsewhere = devicesOf(one).every((device) => !devicesOf(change).includes(device));
      return !(one.state === "stuck" && change?.origin.kind === "operator" && isElsewhere);
    });
    return other && `${other.id} is ${other.state} while ${change?.id} is pushed`;
  },

  /** 4. The policy's limits, worked out anew; every guard was asked and allowed it; nothing is pushed once killed. */
  withinLimits(facts: Facts, { token }: Push): Wrong {
    const change = facts.changeOf(token);
    if (change?.origin.kind !== "policy" || change.decision.action !== "bgp-prepend") return undefined;
    const { killed } = facts.switches;
    const begun = facts.entries.findLast(
      ({ event, subject }) => event === "change.committing" && subject === change.id,
    );
    if (killed && begun && facts.killedMs < begun.atMs) return `${change.id} is pushed though ${killed.by} has killed`;
    const { changes } = change.decision;
    if (new Set(changes.map(({ device }) => device)).size > policy.guard.maxDevices)
      return `${change.id} is on too many routers`;
    const wild = changes.find(({ prefix, to }) => {
      return !network.prefixes.includes(prefix) || to < 0 || to > 3 || !Number.isInteger(to);
    });
    if (wild) return `${change.id} gives ${wild.prefix} ${wild.to} prepends`;
    if (change.guards.length < guards) return `${change.id} was judged by ${change.guards.length} guards`;
    const no = change.guards.find(({ allow }) => !allow);
    return no && `${change.id} is pushed against guard ${no.guard}: ${no.reason}`;
  },

  /** 4. Whoever asks, it leaves each prefix on some link with no more prepends than others have set there. */
  leavesALinkFree(facts: Facts, { token }: Push): Wrong {
    const change = facts.changeOf(token);
    if (change?.decision.action !== "bgp-prepend") return undefined;
    const { changes } = change.decision;
    for (const prefix of new Set(changes.map((one) => one.prefix))) {
      const isFree = [...facts.routers].some(([device, router]) => {
        const now = router.announced().get(prefix);
        const to = changes.find((one) => one.prefix === prefix && one.device === device)?.to ?? now;
        return to !== undefined && to <= (facts.setByOperators(device).get(prefix) ?? Number.NEGATIVE_INFINITY);
      });
      if (!isFree) return `${change.id} leaves ${prefix} with more prepends than its own on every link`;
    }
    return undefined;
  },

  /** 4. As many different people as the policy wants have approved it, in time, and the audit log knows each. */
  approvedByPeople(facts: Facts, { token }: Push): Wrong {
    const change = facts.changeOf(token);
    if (change?.origin.kind !== "policy" || change.mode === "auto") return undefined;
    const approvers = new Set(change.approvals.map(({ by }) => by));
    if (approvers.size < change.policy.approve.people)
      return `${change.id} was approved by ${[...approvers].join(", ")} only`;
    const late = change.approvals.find(({ atMs }) => atMs >= change.expiresMs);
    if (late) return `${change.id} was approved by ${late.by} after it had expired`;
    const unknown = change.approvals.find(
      ({ by }) => !facts.entries.some(({ actor, subject }) => actor === by && subject === change.id),
    );
    return unknown && `no entry says that ${unknown.by} approved ${change.id}`;
  },

  /** 3. When it was judged for the push, every link's newest sample was young enough. */
  fromFreshData(facts: Facts, { token }: Push): Wrong {
    const change = facts.changeOf(token);
    if (change?.origin.kind !== "policy") return undefined;
    const { pushStartedMs } = change.times;
    return pushStartedMs === undefined ? `${change.id} was never judged` : staleAt(facts, change, pushStartedMs);
  },

  /** Bounded oscillation: a policy touches a target once a hold. */
  holdsBetweenMoves(facts: Facts, { token }: Push): Wrong {
    const change = facts.changeOf(token);
    if (change?.origin.kind !== "policy") return undefined;
    const { target } = change.decision.intent;
    for (const other of facts.changes.values()) {
      if (other.id === change.id || other.origin.kind !== "policy" || other.decision.intent.target !== target) continue;
      const pushed = facts.deeds.find((deed) => deed.what === "trial" && deed.token === other.trial.token);
      const gapMs = facts.nowMs - (pushed?.atMs ?? Number.NEGATIVE_INFINITY);
      if (gapMs < policy.holdMs) return `${change.id} moves ${target} ${gapMs} ms after ${other.id} did`;
    }
    return undefined;
  },
};

/** When a router makes a trial permanent. */
export const atConfirm = {
  /** 1. That it is to be confirmed was decided, with a verdict where there is one, and on disk before. */
  verdictJournaled(facts: Facts, { token }: Push): Wrong {
    const change = facts.changeOf(token);
    if (change?.state !== "confirming") return `${change?.id} is confirmed on a router while ${change?.state} on disk`;
    return change.verdict?.outcome === "better" ? undefined : `${change.id} is confirmed without a verdict`;
  },
};

/** When a router takes a change back because it was told to. */
export const atUndo = {
  /** 5. What was there was ours, as far as whoever asked could know: it had looked, and saw what it left. */
  overwritesNobody(facts: Facts, { device, before, expected, seen }: Undo): Wrong {
    if (expected === undefined) return `nothing is being taken back on ${device}`;
    const basis = facts.stepTakenBack(device)?.basis;
    if (before === expected || before === basis) return undefined;
    // An edit that came between the look and the command cannot be known: a lock would keep the router from going back.
    return seen === before || seen === "" ? `${device} had another writer's edit, which is gone` : undefined;
  },
};

/** When the journal has an entry on disk. */
export const atWrite = {
  /** 7. Somebody did it; what only people can do, a person did. */
  attributed(_facts: Facts, { entry }: Write): Wrong {
    const { event, actor, body } = entry;
    if (actor !== "pointsman" && !people.has(actor)) return `${event} was done by "${actor}"`;
    const cause = (body as { event?: string }).event;
    const asked = ["change.rollback-asked", "change.kill-asked", "change.approved-by-one"];
    const byPeople = event.startsWith("switch.") || asked.includes(event);
    const needsPerson = byPeople || ["approved", "rejected", "retried", "settled", "withdrawn"].includes(cause ?? "");
    return needsPerson && actor === "pointsman" ? `${event} was done by nobody` : undefined;
  },

  /** What is over stays as it is. */
  overIsOver(_facts: Facts, { writes: { change }, earlier }: Write): Wrong {
    if (!change || !earlier || !finalStates.includes(earlier.state)) return undefined;
    return change.state === earlier.state ? undefined : `${change.id} was ${earlier.state}, and is ${change.state}`;
  },

  /** 3. No proposal from old, missing or invented samples. */
  proposedFromFreshData(facts: Facts, { writes: { change }, earlier }: Write): Wrong {
    if (!change || earlier || change.origin.kind !== "policy") return undefined;
    const { target, evidence } = change.decision.intent;
    const invented = evidence.find(({ atMs }) => !facts.stamps.has(`${target} ${atMs}`));
    if (invented) return `${change.id} rests on a sample of ${target} from ${invented.atMs}, and there was none`;
    const { decidedMs } = change.times;
    return decidedMs === undefined ? `${change.id} was never decided` : staleAt(facts, change, decidedMs);
  },

  /** 2. Nothing passes for tried, confirmed or taken back that its routers do not have so. */
  statesAreTrue(facts: Facts, { writes: { change }, earlier }: Write): Wrong {
    if (!change || change.state === earlier?.state) return undefined;
    const { token } = change.trial;
    for (const { device, basis } of change.plan.steps) {
      const deeds = facts.deeds.filter((deed) => deed.token === token && deed.device === device);
      const did = (what: string) => deeds.some((deed) => deed.what === what);
      const last = deeds.at(-1)?.what;
      const reads = () => facts.routers.get(device)?.reading();
      if (change.state === "verifying" && !did("trial")) return `${change.id} is not on ${device}`;
      if (change.state === "confirmed" && !did("confirmed")) return `${change.id} is not confirmed on ${device}`;
      const left = last === "trial" || last === "confirmed";
      if (change.state === "rolled-back" && left && reads() !== basis) return `${change.id} is still on ${device}`;
      if (change.state === "aborted" && last !== undefined) return `${change.id} was on ${device}`;
    }
    return undefined;
  },

  /** Bounded oscillation: a policy does not set one thing there, back, and there again within two holds. */
  noPingPong(facts: Facts, { writes: { change }, earlier }: Write): Wrong {
    if (change?.state !== "confirmed" || earlier?.state === "confirmed" || change.origin.kind !== "policy")
      return undefined;
    if (change.decision.action !== "bgp-prepend") return undefined;
    for (const { prefix, link, from, to } of change.decision.changes) {
      const moves = [...facts.changes.values()]
        .filter(({ state, origin }) => state === "confirmed" && origin.kind === "policy")
        .sort((a, b) => (a.times.pushStartedMs ?? 0) - (b.times.pushStartedMs ?? 0))
        .flatMap(({ decision, times }) =>
          decision.action === "bgp-prepend" ? decision.changes.map((one) => ({ ...one, times })) : [],
        )
        .filter((one) => one.prefix === prefix && one.link === link);
      const [first, second] = moves.slice(-3);
      if (moves.length < 3 || !first || !second) continue;
      const spanMs = (change.times.pushStartedMs ?? 0) - (first.times.pushStartedMs ?? 0);
      const again = first.from === from && first.to === to && second.from === to && second.to === from;
      if (again && spanMs < 2 * policy.holdMs)
        return `${prefix} on ${link} went ${from}, ${to}, ${from}, ${to} in ${spanMs} ms`;
    }
    return undefined;
  },
};

/** After every step. */
export const always = {
  /** 5. One change is on trial, on however many routers. */
  oneTrialAtATime(facts: Facts): Wrong {
    let found: string | null = null;
    for (const { onTrial } of facts.routers.values()) {
      if (onTrial !== null && found !== null && onTrial !== found) return `${onTrial} and ${found} are on trial`;
      found ??= onTrial;
    }
    return undefined;
  },

  /** 6. Whether the controller lives or not, a trial ends: the router goes back by itself. */
  trialsEnd(facts: Facts): Wrong {
    for (const { onTrial, device } of facts.routers.values()) {
      if (onTrial === null) continue;
      const begunMs = facts.lastDeed(onTrial, device)?.atMs ?? 0;
      const timeoutMs = facts.changeOf(onTrial)?.trial.timeoutMs ?? 0;
      if (facts.nowMs > begunMs + timeoutMs + latestMs) return `${device} has ${onTrial} on trial for ever`;
    }
    return undefined;
  },
};

/** Once faults have stopped, and people have seen to what is stuck. */
export const whenQuiet = {
  /** Nothing waits for ever. */
  everythingEnds(facts: Facts): Wrong {
    const open = [...facts.changes.values()].filter(({ state }) => !finalStates.includes(state));
    return open.length === 0 ? undefined : open.map(({ id, state }) => `${id} is ${state}`).join(", ");
  },

  /** 2. Every router has what was there at first, then every confirmed change, and of the others nothing. */
  allOrNone(facts: Facts): Wrong {
    for (const [device, router] of facts.routers) {
      if (router.onTrial !== null) return `${device} still has a trial`;
      const [owed, has] = [facts.owed(device), router.announced()];
      const wrong = [...owed].find(([prefix, prepends]) => has.get(prefix) !== prepends);
      if (wrong) return `${device} prepends ${wrong[0]} ${has.get(wrong[0])} times, and should ${wrong[1]}`;
      // 6. Whatever came of it, our prefixes are announced.
      if (has.size < owed.size) return `${device} has stopped announcing`;
    }
    return undefined;
  },

  /** 7. What people were told is done, the audit log says, under their names. */
  everyDeedIsLogged(facts: Facts): Wrong {
    const missing = facts.granted.find(
      (granted) =>
        !facts.entries.some(({ event, actor, subject, atMs }) => {
          return event === granted.event && actor === granted.by && subject === granted.subject && atMs <= granted.atMs;
        }),
    );
    return missing && `${missing.by} did ${missing.event} of ${missing.subject}, and no entry says so`;
  },

  /** 1. Every push has the entry that let it be. */
  everyPushIsLogged(facts: Facts): Wrong {
    for (const { what, token, device } of facts.deeds) {
      if (what !== "trial") continue;
      const change = facts.changeOf(token);
      const logged = facts.entries.some(
        ({ event, subject }) => event === "change.committing" && subject === change?.id,
      );
      if (!logged) return `nothing in the log lets ${token} be pushed to ${device}`;
    }
    return undefined;
  },
};

const onRouters: ReadonlySet<string> = new Set(["committing", "verifying", "confirming", "rolling-back", "stuck"]);

function staleAt(facts: Facts, { id }: Change, atMs: number): Wrong {
  const limitMs = policy.guard.freshnessIntervals * intervalMs;
  for (const { name } of network.links) {
    let newestMs = Number.NEGATIVE_INFINITY;
    for (const { link, deliveredMs, stampMs } of facts.deliveries) {
      if (link === name && deliveredMs <= atMs) newestMs = Math.max(newestMs, stampMs);
    }
    if (Math.abs(atMs - newestMs) > limitMs)
      return `${id} rests on a sample of ${name} that is ${atMs - newestMs} ms old`;
  }
  return undefined;
}
