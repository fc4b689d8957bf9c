import { Failure } from "../kernel/failure.ts";
import type { Stop } from "../model/change.ts";

export const stoppedBy = ({ by, reason }: Stop): Failure => new Failure("STOPPED", `stopped by ${by}: ${reason}`);
