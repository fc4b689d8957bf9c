/** One line of the real code, broken: the text of `file` in which `line`, found exactly once, is replaced. */
export type Mutation = Readonly<{
  name: string;
  file: string;
  line: string;
  by: string;
  /** The invariant that is expected to catch it, and the first seed at which it does. */
  caughtBy: string;
  seed: number;
}>;

/** Each stands for a bug that somebody could write; together they break every invariant that ARCHITECTURE.md numbers. */
export const mutations: readonly Mutation[] = [
  {
    name: "a push is not journaled before it is made",
    file: "src/loop/ledger.ts",
    line: "body: unknown): Promise<void> {\n    await this.#journal.append",
    by: 'body: unknown): Promise<void> {\n    if (change.state !== "committing") await this.#journal.append',
    caughtBy: "journaledBeforePush",
    seed: 1,
  },
  {
    name: "only the first kind of router is confirmed",
    file: "src/loop/runner.ts",
    line: "...confirmationOrder(steps).map(",
    by: "...confirmationOrder(steps).slice(0, 1).map(",
    caughtBy: "statesAreTrue",
    seed: 5,
  },
  {
    name: "a commit is not read back",
    file: "src/device/netconf/device.ts",
    line: "if (running === step.expected) return;\n      // A server that lies",
    by: "return;\n      // A server that lies",
    caughtBy: "statesAreTrue",
    seed: 8,
  },
  {
    name: "no guard's word counts",
    file: "src/guard/guard.ts",
    line: "return findings.find((finding) => !finding.allow);",
    by: "return findings.find((finding) => !finding.allow && finding.guard === 'nobody');",
    caughtBy: "proposedFromFreshData",
    seed: 1,
  },
  {
    name: "one person's approvals count twice",
    file: "src/loop/operator.ts",
    line: "if (earlier) return refuse(",
    by: "if (earlier && id === '') return refuse(",
    caughtBy: "approvedByPeople",
    seed: 2,
  },
  {
    name: "the hold is not kept",
    file: "src/policy/machine.ts",
    line: 'event.type === "evaluated" && context.hold !== null && context.hold.after !== "nothing-done" && !event.holdPassed',
    by: 'event.type === "evaluated" && context.hold === null && !event.holdPassed',
    caughtBy: "holdsBetweenMoves",
    seed: 2,
  },
  {
    name: "a proposal may rest on old data",
    file: "src/guard/limits.ts",
    line: "nowMs }: GuardInput, samples: readonly Sample[]): GuardFinding {\n  const limitMs = policy",
    by: 'nowMs, phase }: GuardInput, samples: readonly Sample[]): GuardFinding {\n  const limitMs = (phase === "propose" ? 100 : 1) * policy',
    caughtBy: "proposedFromFreshData",
    seed: 1,
  },
  {
    name: "an undo writes over another's edit",
    file: "src/device/netconf/device.ts",
    line: "if (running === basis || running === expected) return;",
    by: "if (running !== '') return;",
    caughtBy: "overwritesNobody",
    seed: 3,
  },
  {
    name: "a restart forgets what it was confirming",
    file: "src/loop/recover.ts",
    line: 'state !== "awaiting-approval" && state !== "stuck"',
    by: 'state !== "awaiting-approval" && state !== "stuck" && state !== "confirming"',
    caughtBy: "everythingEnds",
    seed: 15,
  },
  {
    name: "a restart drops what may be on a router",
    file: "src/loop/lifecycle.ts",
    line: 'on: { committed: "verifying", failed: "rolling-back", aborted: "rolling-back", recovered: "rolling-back" },',
    by: 'on: { committed: "verifying", failed: "rolling-back", aborted: "rolling-back", recovered: "aborted" },',
    caughtBy: "statesAreTrue",
    seed: 8,
  },
  {
    name: "who rejects is not written down",
    file: "src/loop/operator.ts",
    line: 'return ok(await ledger.advance(id, "rejected", by, {',
    by: 'return ok(await ledger.advance(id, "rejected", "", {',
    caughtBy: "attributed",
    seed: 1,
  },
  {
    name: "a trial lasts ten times as long as it should",
    file: "src/device/netconf/operations.ts",
    line: "const seconds = Math.max(1, Math.ceil(timeoutMs / 1000));",
    by: "const seconds = Math.max(1, Math.ceil(timeoutMs / 100));",
    caughtBy: "trialsEnd",
    seed: 3,
  },
  {
    name: "only the first router is taken back",
    file: "src/loop/runner.ts",
    line: "this.#persistently(passed, () => port.undo(step, change.trial)),",
    by: "step === change.plan.steps[0] ? this.#persistently(passed, () => port.undo(step, change.trial)) : Promise.resolve(ok(undefined)),",
    caughtBy: "statesAreTrue",
    seed: 2,
  },
  {
    name: "a kill is written down, and does not count",
    file: "src/loop/loop.ts",
    line: "this.switches = switches;",
    by: "",
    caughtBy: "withinLimits",
    seed: 5,
  },
  {
    name: "two controllers share a journal",
    file: "src/store/database.ts",
    line: 'database.pragma("locking_mode = EXCLUSIVE");',
    by: 'database.pragma("locking_mode = NORMAL");',
    caughtBy: "onlyOneController",
    seed: 2,
  },
  {
    name: "an entry does not follow the one before it",
    file: "src/store/journal.ts",
    line: "prev_hash: this.#head.hash };",
    by: 'prev_hash: entry.event === "change.verifying" ? hashText("") : this.#head.hash };',
    caughtBy: "auditHolds",
    seed: 1,
  },
  {
    name: "nothing is locked",
    file: "src/device/netconf/device.ts",
    line: "await lock(session, target);",
    by: "",
    caughtBy: "journaledBeforePush",
    seed: 52,
  },
  {
    name: "silence counts as success",
    file: "src/loop/runner.ts",
    line: 'if (verdict.outcome === "better") return { event: "better", patch: judged };',
    by: 'if (verdict.outcome !== "worse") return { event: "better", patch: judged };',
    caughtBy: "verdictJournaled",
    seed: 60,
  },
];
