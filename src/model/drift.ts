import type { DeviceName } from "./inventory.ts";

/** Values that read otherwise than the confirmed change that set them last left them: someone else has edited them. */
export type Drift = Readonly<{
  /** `export policies of edge-a`. */
  section: string;
  device: DeviceName;
  /** The change that set them; of several, the one confirmed last. */
  changeId: string;
  /** When it was first seen, ms since the epoch. */
  sinceMs: number;
  /** `prepends of 10.0.0.0/24 on transit-a`. */
  values: readonly string[];
  /** Evidence: of the whole section, unified, from what our last change there left to what is there now; empty where it is read otherwise since. */
  diff: string;
}>;
