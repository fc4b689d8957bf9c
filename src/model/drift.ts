import type { Decision } from "./decision.ts";
import type { DeviceName } from "./inventory.ts";

/** A router's section that reads otherwise than the latest confirmed change on it left it: someone else has edited it since. */
export type Drift = Readonly<{
  device: DeviceName;
  /** The change that left it, and what it was about. */
  changeId: string;
  action: Decision["action"];
  /** When it was first seen, ms since the epoch. */
  sinceMs: number;
  /** Unified, from what the change left to what is there now. */
  diff: string;
}>;
