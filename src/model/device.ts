import type { Result } from "../kernel/failure.ts";
import type { DeviceName, Platform } from "./inventory.ts";

/**
 * What goes to one device, in the platform's own language; all of it is journaled before anything is sent.
 * `openconfig`: `config` is the content of `<config>`. `frr`: configuration lines for `vtysh -f`. `linux-srv6`: lines for
 * `ip -6 -batch`, `route add|del PREFIX encap seg6 mode encap segs SID,SID dev NAME proto 200 metric N`.
 * `linux-htb`: lines for `tc -batch` and `nft -f`, each after the tool's name, sent in their order; then, after `# `, what is read on
 * those interfaces once they are sent.
 */
export type Payload = Readonly<{
  config: string;
  /** Commands that make the platform act on it now, one a line (`frr`: a soft clear of the neighbour); empty if none is needed. */
  activate: string;
}>;

/** One device's part of a plan. */
export type DeviceStep = Readonly<{
  device: DeviceName;
  platform: Platform;
  /** Names the section of running configuration the step depends on: `openconfig` a subtree filter, `frr` the first words of sections, one a line; `linux-srv6` prefixes, one a line; `linux-htb` interfaces, one a line. */
  query: string;
  /** What `read(query)` gave when the plan was made, and what it must give once `forward` is applied. Byte for byte. */
  basis: string;
  expected: string;
  forward: Payload;
  /** Leads from `expected` back to `basis`. */
  inverse: Payload;
}>;

/** A trial is known on the device by its token, which survives the controller (NETCONF `persist`; FRR dead-man file). */
export type Trial = Readonly<{ token: string; timeoutMs: number }>;

/**
 * A router under change. One step at a time; sessions are the driver's business. No method throws a Failure: it returns one.
 * Every text is `Result`'s value in a canonical form, so that equality is byte equality.
 */
export interface DevicePort {
  readonly device: DeviceName;
  /** Running configuration under `query`. */
  read(query: string): Promise<Result<string>>;
  /**
   * Locks, checks that running still equals `step.basis` (else DEVICE_CHANGED), edits and validates a candidate, checks
   * that the device would then read `step.expected`. Running is untouched. The value is the device's own unified diff.
   */
  prepare(step: DeviceStep): Promise<Result<string>>;
  /** Drops what `prepare` set up and unlocks. Idempotent. */
  discard(): Promise<Result<void>>;
  /** Puts the prepared step on trial: it reverts by itself after `timeoutMs`. Reads back: DEVICE_NOT_APPLIED if running is not `expected`. */
  commitOnTrial(step: DeviceStep, trial: Trial): Promise<Result<void>>;
  /** Makes the trial permanent and reads back. Idempotent: fine if it is confirmed already. TRIAL_EXPIRED if running is back at `basis`. */
  confirm(step: DeviceStep, trial: Trial): Promise<Result<void>>;
  /**
   * Brings running back to `basis` from wherever this step left it (trial pending, confirmed, half-done, never sent) and reads back.
   * Idempotent. DEVICE_CHANGED, and nothing touched, if running is neither `basis` nor `expected`.
   */
  undo(step: DeviceStep, trial: Trial): Promise<Result<void>>;
  close(): Promise<void>;
}
