import { setTimeout as wait } from "node:timers/promises";
import { unwrap } from "../kernel/failure.ts";
import { finalStates } from "../model/change.ts";
import type { Controller, ShownChange } from "../model/controller.ts";
import { note } from "./terminal.ts";

const pollMs = 250;

/** Waits until the change is over or waits for a person, and tells on the way where it is. */
export async function follow(controller: Controller, started: ShownChange, json: boolean): Promise<ShownChange> {
  const startedMs = Date.now();
  const live = !json && process.stderr.isTTY === true;
  let told = "";
  let change = started;
  for (;;) {
    if (change.state !== told) {
      told = change.state;
      if (!json) note(`${live ? "\r\u001b[K" : ""}${change.id} ${change.state}`);
    }
    const waits = change.state === "awaiting-approval" || change.state === "stuck";
    if (waits || finalStates.includes(change.state)) return change;
    if (live) process.stderr.write(`\r\u001b[K  ${Math.round((Date.now() - startedMs) / 1000)} s`);
    await wait(pollMs);
    const asked = await controller.change(started.id);
    // Others ask under the same name: the change goes on all the same.
    if (asked.ok || asked.failure.code !== "RATE_LIMITED") change = unwrap(asked);
  }
}
