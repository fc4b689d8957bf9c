import { spawn } from "node:child_process";
import { Failure } from "../kernel/failure.ts";

/** Shorter than the 15 s that a login to a router may take. */
const patienceMs = 10_000;
const mostBytes = 64 * 1024;

/** What a secret store's program needs to find its own configuration. All else stays here: another secret may be in it. */
const passedOn = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_RUNTIME_DIR"];

/**
 * The secret that a program writes to its standard output: the first line, or all of a PEM text. No shell; it runs in `folder`, with
 * `passedOn` of the environment and nothing to read. What it says on standard error is dropped, as it may hold the secret. Throws Failure
 * SECRET_MISSING, which names the program and neither its arguments nor what it said.
 */
export async function secretFromCommand(
  [program = "", ...args]: readonly string[],
  folder: string,
  env: NodeJS.ProcessEnv,
  timeoutMs = patienceMs,
): Promise<string> {
  const failed = (why: string) =>
    new Failure("SECRET_MISSING", `secret command ${program} ${why}`, {
      mend: `run it as the user that Pointsman runs as, in ${folder}, with only ${passedOn.join(", ")} of the environment`,
    });
  const kept = Object.fromEntries(passedOn.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
  const output = await new Promise<Buffer>((resolve, reject) => {
    // A process group of its own, so that what the program has started ends with it.
    const child = spawn(program, args, { cwd: folder, env: kept, stdio: ["ignore", "pipe", "ignore"], detached: true });
    const chunks: Buffer[] = [];
    let size = 0;
    const stop = (why: string) => {
      clearTimeout(timer);
      reject(failed(why));
      child.stdout.destroy();
      child.unref();
      killGroup(child.pid);
    };
    const timer = setTimeout(() => stop(`gave no answer within ${timeoutMs / 1000} s`), timeoutMs);
    child.stdout.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > mostBytes) stop(`wrote more than ${mostBytes / 1024} KiB`);
      else chunks.push(chunk);
    });
    child.once("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(failed(`cannot be run (${error.code ?? "unknown"})`));
    });
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(Buffer.concat(chunks));
      else reject(failed(signal === null ? `ended with code ${code}` : `was ended by ${signal}`));
    });
  });
  const text = output.toString("utf8");
  const secret = text.startsWith("-----BEGIN ") ? text.trimEnd() : (text.split(/\r?\n/, 1)[0] ?? "");
  if (secret === "") throw failed("wrote nothing");
  return secret;
}

function killGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, "SIGKILL");
  } catch (error) {
    // ESRCH: it has ended by itself. EPERM: it runs as another user, as under sudo, and is not ours to end; its output has nowhere to go.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ESRCH" && code !== "EPERM") throw error;
  }
}
