/** Every failure that is expected in service, by its stable code. A bug is not one of these: it asserts, and has a code for who hears of it. */
export type FailureCode =
  | "CONFIG_INVALID" // a file, line or field is wrong
  | "SECRET_MISSING" // a secret reference leads nowhere
  | "DEVICE_UNREACHABLE"
  | "DEVICE_HOST_KEY" // the router's host key is not the one configured
  | "DEVICE_AUTH"
  | "DEVICE_TIMEOUT" // the router's state is unknown: read back
  | "DEVICE_PROTOCOL" // the peer broke the protocol; the session is closed
  | "DEVICE_LOCKED" // someone else holds the configuration
  | "DEVICE_REFUSED" // rpc-error or syntax error: the router will not take it
  | "DEVICE_CHANGED" // running is not what the plan was made from
  | "DEVICE_NOT_APPLIED" // the router said yes and did something else
  | "DEVICE_UNSUPPORTED" // a capability that safety needs is missing
  | "TRIAL_EXPIRED" // the confirm timer ran out: the router went back by itself
  | "CHANGE_UNSUPPORTED" // the configuration read has a shape we will not edit
  | "TELEMETRY_FAILED"
  | "WEBHOOK_FAILED" // a URL of shedWebhooks did not take what it was told
  | "GUARD_DENIED"
  | "VERIFY_WORSE" // measured after the push: the network did not get better
  | "AUTONOMY_LOWERED" // a policy in `auto` misses its predictions, and has to ask
  | "VERIFY_SILENT" // not measured after the push
  | "STOPPED" // a person, a kill or the controller's own end stopped it
  | "REJECTED"
  | "EXPIRED"
  | "APPROVAL_REFUSED" // approved twice, expired, or not waiting for approval
  | "NOT_FOUND"
  | "CONTROLLER_UNREACHABLE"
  | "CONTROLLER_AUTH" // the token is missing or wrong
  | "FORBIDDEN" // the token is right, and its role or name is not enough
  | "RATE_LIMITED"
  | "NOTHING_TO_DO" // what was asked for is so already
  | "JOURNAL_LOCKED" // another controller has this journal or state folder
  | "JOURNAL_BROKEN" // the hash chain does not hold
  | "INTERNAL"; // a bug ended what was asked of the API

/** A Failure as it is journaled and sent. */
export type FailureFacts = Readonly<{ code: FailureCode; message: string; mend?: string }>;

/** Expected in service: journaled and shown, never fatal. `mend` says what a person can do about it. */
export class Failure extends Error {
  readonly code: FailureCode;
  readonly retry: "now" | "later" | "never";
  readonly mend: string | undefined;

  constructor(
    code: FailureCode,
    message: string,
    options: { retry?: "now" | "later" | "never"; mend?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Failure";
    this.code = code;
    this.retry = options.retry ?? "never";
    this.mend = options.mend;
  }

  toJSON(): FailureFacts {
    return { code: this.code, message: this.message, ...mendOf(this) };
  }
}

/** For what is told beside a failure's own message: its mend, where it has one. */
export function mendOf(failure: Failure | undefined): { mend?: string } {
  return failure?.mend === undefined ? {} : { mend: failure.mend };
}

export type Result<T> = Readonly<{ ok: true; value: T }> | Readonly<{ ok: false; failure: Failure }>;

export const ok = <T>(value: T): Result<T> => ({ ok: true, value });
export const fail = (failure: Failure): { readonly ok: false; readonly failure: Failure } => ({ ok: false, failure });

/** At the outermost edge, where a Failure ends the command: the value, or the failure thrown. */
export function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw result.failure;
  return result.value;
}

/** For a boundary that throws a Failure inwards (a parser, a session): turns it into a value; anything else is a bug and goes on up. */
export async function attempt<T>(work: () => Promise<T>): Promise<Result<T>> {
  try {
    return ok(await work());
  } catch (error) {
    if (error instanceof Failure) return fail(error);
    throw error;
  }
}
