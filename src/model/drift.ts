import type { DeviceName } from "./inventory.ts";

/** A section of a router's configuration that reads otherwise than the latest confirmed change on it left it: someone else has edited it. */
export type Drift = Readonly<{
  /** `export policies of edge-a`. */
  section: string;
  device: DeviceName;
  /** The change that left it. */
  changeId: string;
  /** When it was first seen, ms since the epoch. */
  sinceMs: number;
  /** Unified, from what the change left to what is there now. */
  diff: string;
}>;
