import { RpcError } from "./rpc-error.ts";

export type DatastoreName = "running" | "candidate";

/** Who holds which datastore, by session id (RFC 6241 section 7.5). */
export class Locks {
  readonly #holders = new Map<DatastoreName, number>();

  get held(): readonly DatastoreName[] {
    return [...this.#holders.keys()];
  }

  acquire(datastore: DatastoreName, session: number): void {
    this.assertNotHeld(datastore);
    this.#holders.set(datastore, session);
  }

  /** Throws lock-denied when any session has locked it, the asking one too. */
  assertNotHeld(datastore: DatastoreName): void {
    const holder = this.#holders.get(datastore);
    if (holder !== undefined) throw lockDenied(`${datastore} is locked by session ${holder}`, holder);
  }

  release(datastore: DatastoreName, session: number): void {
    if (!this.isHeldBy(datastore, session)) {
      throw new RpcError("protocol", "operation-failed", `session ${session} does not hold a lock on ${datastore}`);
    }
    this.#holders.delete(datastore);
  }

  isHeldBy(datastore: DatastoreName, session: number): boolean {
    return this.#holders.get(datastore) === session;
  }

  /** Throws in-use when another session has locked it. */
  assertFree(datastore: DatastoreName, session: number): void {
    const holder = this.#holders.get(datastore);
    if (holder === undefined || holder === session) return;
    throw new RpcError("protocol", "in-use", `${datastore} is locked by session ${holder}`);
  }
}

/** `holder` is 0 when it is no NETCONF session (RFC 6241 appendix A). */
export function lockDenied(message: string, holder: number): RpcError {
  return new RpcError("protocol", "lock-denied", message, { info: { "session-id": String(holder) } });
}
