import { Command } from "commander";
import { unwrap } from "../../kernel/failure.ts";
import { type Change, finalStates } from "../../model/change.ts";
import { asWhom, connect } from "../connect.ts";
import { exitCode, exitCodeFor } from "../exit.ts";
import { follow } from "../follow.ts";
import { asHelp, type Globals, globalsOf } from "../options.ts";
import { approvalsText, changesTable, nextCommand, showChange } from "../show-change.ts";
import { note, plain, print, printJson } from "../terminal.ts";

type Asking = { as?: string; reason: string; wait: boolean };

export function changeCommands(): Command[] {
  const proposals = new Command("proposals")
    .description("list what waits for approval; exit 4 when something does, 3 when nothing does")
    .option("--all", "ended changes too", false)
    .action(async (options: { all: boolean }, command: Command) => {
      const globals = globalsOf(command);
      const { state, json } = globals;
      const changes = await (await connect(globals)).changes();
      const listed = options.all ? changes : changes.filter((change) => !finalStates.includes(change.state));
      const waiting = changes.filter((change) => change.state === "awaiting-approval");
      if (json) printJson(listed);
      else if (listed.length === 0) print("nothing is proposed");
      else print(changesTable(listed));
      if (!json) for (const change of waiting.slice(0, 1)) print(nextCommand(change, state) ?? "");
      process.exitCode = waiting.length > 0 ? exitCode.waitingForApproval : exitCode.nothingToDo;
    });

  const show = new Command("show")
    .description("one change: reason, prediction, alternatives, guards, diff")
    .argument("<id>")
    .action(async (id: string, _options: unknown, command: Command) => {
      const globals = globalsOf(command);
      const { state, json } = globals;
      const change = unwrap(await (await connect(globals)).change(id));
      if (json) printJson(change);
      else print(showChange(change, state));
    });

  const approve = asking("approve", "approve a proposal, and wait until it is confirmed or rolled back").action(
    async (id: string, options: Asking, command: Command) => {
      const globals = globalsOf(command);
      const { state, json } = globals;
      const controller = await connect(globals);
      const approved = unwrap(await controller.approve(id, await asWhom(controller, options.as)));
      if (approved.state === "awaiting-approval" && !json) {
        note(`${plain(approvalsText(approved) ?? "")}; another person has to approve it too`);
      }
      finish(options.wait ? await follow(controller, approved, json) : approved, { state, json }, options.wait);
    },
  );

  const reject = asking("reject", "reject a proposal").action(async (id: string, options: Asking, command: Command) => {
    const globals = globalsOf(command);
    const controller = await connect(globals);
    const by = await asWhom(controller, options.as);
    const change = unwrap(await controller.reject(id, by, options.reason));
    if (globals.json) printJson(change);
    else print(`${change.id} ${change.state}`);
  });

  const rollback = asking("rollback", "take a change back: one on trial, one confirmed, or one that is stuck").action(
    async (id: string, options: Asking, command: Command) => {
      const globals = globalsOf(command);
      const { state, json } = globals;
      const controller = await connect(globals);
      const change = unwrap(await controller.rollback(id, await asWhom(controller, options.as), options.reason));
      const ended = options.wait ? await follow(controller, change, json) : change;
      // Asked to roll back: that it was is success. An undo of a confirmed change is itself a change that is confirmed.
      const undone = ended.origin.kind === "operator" && ended.state === "confirmed";
      const done = undone || ended.state === "rolled-back";
      finish(ended, { state, json }, options.wait);
      if (done || !options.wait) process.exitCode = exitCode.done;
      else if (ended.state === "confirmed") process.exitCode = exitCode.otherFailure; // The confirmation was faster.
    },
  );

  const settle = new Command("settle")
    .description("end a stuck change that no rollback can end, once its routers have been put right by hand")
    .argument("<id>")
    .option("--as <name>", asHelp)
    .requiredOption("--reason <text>", "what was done, for the audit log")
    .action(async (id: string, options: { as?: string; reason: string }, command: Command) => {
      const globals = globalsOf(command);
      const controller = await connect(globals);
      const change = unwrap(await controller.settle(id, await asWhom(controller, options.as), options.reason));
      if (globals.json) printJson(change);
      else print(`${change.id} ${change.state}`);
    });
  return [proposals, show, approve, reject, rollback, settle];
}

function asking(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .argument("<id>")
    .option("--as <name>", asHelp)
    .option("--reason <text>", "why, for the audit log", "no reason given")
    .option("--no-wait", "do not wait for the end");
}

function finish(change: Change, { state, json }: Globals, waited: boolean): void {
  if (json) printJson(change);
  else {
    print(
      `${change.id} ${change.state}${change.outcome ? `: ${change.outcome.code} ${plain(change.outcome.message)}` : ""}`,
    );
    const next = nextCommand(change, state);
    if (next) print(next);
  }
  if (waited || change.state === "awaiting-approval") process.exitCode = exitCodeFor(change);
}
