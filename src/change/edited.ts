import type { Payload } from "../model/device.ts";

/** What a device reads once an edit is made, and how to get there and back. */
export type Edited = Readonly<{ expected: string; forward: Payload; inverse: Payload }>;
