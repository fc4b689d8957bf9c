import { planChange } from "../change/plan.ts";
import { denied } from "../guard/guard.ts";
import { freezeWindow, killSwitch } from "../guard/timing.ts";
import { Failure, fail, ok, type Result } from "../kernel/failure.ts";
import { Turns } from "../kernel/turns.ts";
import { isSamePerson, localAdmin } from "../model/access.ts";
import { type Change, finalStates } from "../model/change.ts";
import type { Controller, Explanation, MayUndo, Status } from "../model/controller.ts";
import type { Decision } from "../model/decision.ts";
import { laterOn, undoings } from "./displacements.ts";
import type { Loop, LoopDeps } from "./loop.ts";
import type { NetworkReading } from "./read-network.ts";
import { refusedRollback } from "./rollback-refusal.ts";
import { shedLevels } from "./shed.ts";
import { frozen, killed, resumed } from "./switching.ts";
import { inverted, leftToUndo } from "./undo.ts";

type Reading = Result<NetworkReading>;

/** Whoever asks has been judged already, or nobody has to be. */
const anyone = () => undefined;

/** What people and programs may ask of the loop. Each request is checked against the change's state now, and journaled under their name. */
export function operatorOf(
  loop: Loop,
  { journal, network, clock, templates }: Pick<LoopDeps, "journal" | "network" | "clock" | "templates">,
): Controller {
  const { ledger, runner } = loop;
  /** A check still holds when it is acted on. */
  const turns = new Turns();

  function find(id: string): Result<Change> {
    const change = ledger.get(id);
    return change
      ? ok(change)
      : fail(new Failure("NOT_FOUND", `there is no change ${id}`, { mend: "pointsman proposals lists them" }));
  }

  async function approve(id: string, by: string): Promise<Result<Change>> {
    const found = find(id);
    if (!found.ok) return found;
    const change = found.value;
    const refusal = whyNotApprovable(change, by, clock.now());
    if (refusal) return fail(refusal);
    // Approved now, the push would be denied and the proposal lost: it can wait.
    const moment = { network, switches: loop.switches, nowMs: clock.now() };
    const notNow = denied([killSwitch(moment), freezeWindow(moment)]);
    if (notNow) {
      const mend = "approve it after that, or end a freeze or kill with pointsman resume";
      return fail(new Failure("GUARD_DENIED", `guard ${notNow.guard}: ${notNow.reason}`, { mend }));
    }
    const approvals = [...change.approvals, { by, atMs: clock.now() }];
    if (approvals.length < peopleFor(change)) return ok(await ledger.amend(id, "approved-by-one", by, { approvals }));
    const next = await ledger.advance(id, "approved", by, { approvals, times: { approvedMs: clock.now() } });
    if (next.state !== "preparing") return fail(new Failure("APPROVAL_REFUSED", `${id} is ${next.state} by now`));
    void loop.background(runner.run(id));
    return ok(next);
  }

  async function reject(id: string, by: string, reason: string): Promise<Result<Change>> {
    const found = find(id);
    if (!found.ok) return found;
    const { state } = found.value;
    if (state !== "awaiting-approval" && state !== "proposed") {
      return fail(
        new Failure("APPROVAL_REFUSED", `${id} is ${state}: there is nothing to reject`, {
          mend: mendFor(found.value),
        }),
      );
    }
    return ok(await ledger.advance(id, "rejected", by, { outcome: { code: "REJECTED", message: reason } }));
  }

  async function rollback(
    id: string,
    by: string,
    reason: string,
    mayUndo: MayUndo,
    read?: Reading,
  ): Promise<Result<Change>> {
    const found = find(id);
    if (!found.ok) return found;
    const change = found.value;
    switch (change.state) {
      case "confirmed": {
        const lacking = mayUndo();
        return lacking ? fail(lacking) : undoConfirmed(change, by, reason, read ?? (await readFor(change)));
      }
      case "stuck": {
        const next = await ledger.advance(id, "retried", by);
        void loop.background(runner.run(id));
        return ok(next);
      }
      case "preparing":
      case "committing":
      case "verifying":
      case "confirming": {
        const asked = await ledger.amend(id, "rollback-asked", by, { stop: { by, reason } });
        // It may have ended before that was journaled.
        if (finalStates.includes(asked.state)) return rollback(id, by, reason, mayUndo);
        runner.abort(id, by, reason);
        return ok(asked);
      }
      case "proposed":
      case "dry-run":
      case "awaiting-approval":
      case "rejected":
      case "expired":
      case "aborted":
      case "rolling-back":
      case "rolled-back": {
        const message = `${id} is ${change.state}: there is nothing to roll back`;
        return fail(new Failure("APPROVAL_REFUSED", message, { mend: mendFor(change) }));
      }
    }
  }

  /** For what no rollback can end: the routers are as they should be by someone's word, which is journaled. */
  async function settle(id: string, by: string, reason: string): Promise<Result<Change>> {
    const found = find(id);
    if (!found.ok) return found;
    const { state, outcome } = found.value;
    if (state !== "stuck") {
      const message = `${id} is ${state}: only what is stuck is settled by hand`;
      return fail(new Failure("APPROVAL_REFUSED", message, { mend: mendFor(found.value) }));
    }
    const message = `${by} has seen to it: ${reason}. It was stuck: ${outcome?.message ?? "nobody knows why"}`;
    return ok(await ledger.advance(id, "settled", by, { outcome: { code: "STOPPED", message } }));
  }

  /** Only the routers of the change: what it did may be why others cannot be reached. */
  const readFor = ({ decision, plan }: Change): Promise<Reading> =>
    loop.routers.read({ action: decision.action, devices: plan.steps.map(({ device }) => device) });

  /** A confirmed change is undone by a change of its own, with the same safety: prepared, on trial, read back, journaled. */
  async function undoConfirmed(change: Change, by: string, reason: string, read: Reading): Promise<Result<Change>> {
    if (change.origin.kind === "operator") {
      const message = `${change.id} is itself a rollback: what it took back has to be proposed anew`;
      return fail(new Failure("APPROVAL_REFUSED", message, { mend: mendFor(change) }));
    }
    const undone = undoings(ledger.all()).get(change.id);
    if (undone !== undefined) {
      const message = `${change.id} is undone by ${undone} already`;
      return fail(new Failure("APPROVAL_REFUSED", message, { mend: `pointsman show ${undone} tells how` }));
    }
    const underWay = ledger.open().find(({ origin }) => origin.kind === "operator" && origin.undoes === change.id);
    if (underWay) {
      const message = `${change.id} is being undone by ${underWay.id} already`;
      return fail(new Failure("APPROVAL_REFUSED", message, { mend: mendFor(underWay) }));
    }
    // Planned from what the routers read now: what else has changed there since is not this change's to put back.
    if (!read.ok) return read;
    const decision = inverted(change.decision, `${by} takes ${change.id} back: ${reason}`);
    // Where it is undone already nothing is pushed; the undo is journaled all the same, and ends what the change asked for.
    const left = leftToUndo(decision, read.value.facts);
    const readings = read.value.readings[decision.action];
    const plan = planChange(templates, network, left, readings);
    if (!plan.ok && plan.failure.code === "DEVICE_CHANGED") {
      return fail(refusedRollback(change, laterOn(ledger.all(), change), readings));
    }
    if (!plan.ok) return plan;
    const undo = await loop.propose({
      origin: { kind: "operator", by, undoes: change.id },
      mode: change.mode,
      correlation: change.correlation,
      policy: change.policy,
      decision,
      facts: read.value.facts,
      plan: plan.value,
      guards: [],
      times: { decidedMs: clock.now() },
    });
    const begun = await ledger.advance(undo.id, "begun", by);
    void loop.background(runner.run(undo.id));
    return ok(begun);
  }

  async function status(): Promise<Status> {
    return {
      atMs: clock.now(),
      switches: loop.switches,
      policies: loop.status(),
      targets: Object.fromEntries(loop.targets()),
      devices: Object.fromEntries(loop.routers.status),
      drift: loop.drift.all(),
      unwatched: loop.drift.unwatched(),
      open: ledger.open(),
    };
  }

  async function explain(subject: string): Promise<Result<Explanation>> {
    const change = ledger.get(subject);
    if (change) {
      const { decision, guards, state, createdMs } = change;
      const { alternatives, attribution } = decision;
      const reason = reasonAndEnd(change);
      const history = await journal.entries(subject);
      const blame = attribution ? { attribution } : {};
      return ok({ subject, atMs: createdMs, outcome: state, reason, ...blame, alternatives, guards, history });
    }
    const standing = loop.status().filter((one) => one.target === subject);
    const named = [...network.links, ...network.flows, ...network.devices];
    const known = standing.length > 0 || named.some(({ name }) => name === subject);
    if (!known) {
      const mend = "name a change (pointsman proposals), or a link, flow, router, class or site (pointsman status)";
      return fail(
        new Failure("NOT_FOUND", `${subject} is neither a change nor a link, flow, router, class or site`, { mend }),
      );
    }
    const history = await journal.entries(subject);
    const now = standing.map((one) => `${one.policy}: ${one.state}, ${one.detail}`).join("; ");
    const [conclusion] = [...loop.conclusions.values()]
      .filter(({ target }) => target === subject)
      .sort((a, b) => b.atMs - a.atMs);
    if (!conclusion) {
      const about = ledger.all().find(({ decision }) => concerns(decision, subject));
      if (about) {
        const { decision, guards, createdMs, state, id } = about;
        const { alternatives } = decision;
        const outcome = `${id} ${state}`;
        return ok({
          subject,
          atMs: createdMs,
          outcome,
          reason: reasonAndEnd(about),
          alternatives,
          guards,
          now,
          history,
        });
      }
      const none = { outcome: "no decision since the start", reason: "", alternatives: [], guards: [] };
      return ok({ subject, atMs: clock.now(), ...none, now, history });
    }
    const { changeId, ...concluded } = conclusion;
    const proposed = changeId === undefined ? undefined : ledger.get(changeId);
    const became = proposed ? { outcome: `${proposed.id} ${proposed.state}`, reason: reasonAndEnd(proposed) } : {};
    return ok({ subject, ...concluded, ...became, now, history });
  }

  return {
    status,
    shed: async () => shedLevels(ledger.all(), network, clock.now()),
    changes: async () => ledger.all(),
    async change(id) {
      const found = find(id);
      const by = undoings(ledger.all()).get(id);
      return found.ok && by !== undefined ? ok({ ...found.value, undoneBy: by }) : found;
    },
    approve: (id, by) => loop.request(() => turns.take(() => approve(id, by))),
    reject: (id, by, reason) => loop.request(() => turns.take(() => reject(id, by, reason))),
    rollback: (id, by, reason, mayUndo = anyone) =>
      loop.request(async () => {
        // Asked before the turn: a router that does not answer must not hold up what others ask for.
        const change = ledger.get(id);
        const read = change?.state === "confirmed" && !mayUndo() ? await readFor(change) : undefined;
        return turns.take(() => rollback(id, by, reason, mayUndo, read));
      }),
    settle: (id, by, reason) => loop.request(() => turns.take(() => settle(id, by, reason))),
    freeze: (by, untilMs, reason) =>
      loop.setSwitches((now) => frozen(now, { by, untilMs, reason }, clock.now()), { event: "freeze", by, reason }),
    kill: (by, reason) => loop.setSwitches((now) => ok(killed(now, by, reason)), { event: "kill", by, reason }),
    resume: (by, mayEnd = anyone) =>
      loop.setSwitches((now) => resumed(now, by, mayEnd, clock.now()), { event: "resume", by }),
    explain,
    verifyAudit: () => journal.verify(),
    exportAudit: (sinceMs) => journal.chained(sinceMs),
  };
}

/** Whether a decision moves this flow, changes this link, or changes what it carries. */
function concerns(decision: Decision, subject: string): boolean {
  const { flows, links } = decision.predicted;
  const isOn = (change: Decision["changes"][number]) => "link" in change && change.link === subject;
  if ([...decision.changes].some(isOn)) return true;
  const changed = links.filter(({ before, after }) => before.utilisation !== after.utilisation);
  return flows.some(({ flow }) => flow === subject) || changed.some(({ link }) => link === subject);
}

function reasonAndEnd({ decision, state, outcome }: Change): string {
  return outcome ? `${decision.reason} It ended as ${state}: ${outcome.message}` : decision.reason;
}

const peopleFor = ({ needs, policy }: Change): number => needs?.people ?? policy.approve.people;

function whyNotApprovable(change: Change, by: string, nowMs: number): Failure | undefined {
  const { id, state, approvals, expiresMs } = change;
  const refuse = (message: string) => new Failure("APPROVAL_REFUSED", message, { mend: mendFor(change) });
  const earlier = approvals.find((one) => isSamePerson(one.by, by));
  if (earlier) return refuse(`${by} approved ${id} already, at ${new Date(earlier.atMs).toISOString()}`);
  if (state !== "awaiting-approval") {
    const approved = approvals.map((one) => one.by).join(", ");
    return refuse(`${id} is ${state}, not waiting for approval${approved ? ` (approved by ${approved})` : ""}`);
  }
  const { author, approve } = change.policy;
  if (isSamePerson(by, localAdmin) && (approve.notAuthor || peopleFor(change) > 1)) {
    const why = approve.notAuthor ? `not by the author of ${change.policy.name}` : `by ${peopleFor(change)} people`;
    const message = `${id} is to be approved ${why}, and ${localAdmin} may be any of those who hold the state folder`;
    return new Failure("FORBIDDEN", message, { mend: "approve it with a token of your own: --token-file" });
  }
  if (approve.notAuthor && author !== undefined && isSamePerson(author, by)) {
    const mend = "ask someone else to approve it";
    return new Failure("FORBIDDEN", `${by} wrote the policy ${change.policy.name}, whose author may not approve`, {
      mend,
    });
  }
  return nowMs >= expiresMs ? refuse(`${id} expired at ${new Date(expiresMs).toISOString()}`) : undefined;
}

function mendFor({ id, state }: Change): string {
  if (state === "awaiting-approval") return `pointsman approve ${id}, or pointsman reject ${id}`;
  return `pointsman show ${id} tells what became of it; pointsman proposals lists what waits now`;
}
