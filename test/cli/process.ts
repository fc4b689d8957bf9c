import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { inject } from "vitest";

/** What people start: strips the types as it loads. */
export const bin = fileURLToPath(new URL("../../src/cli/bin.js", import.meta.url));

export type Ended = Readonly<{ code: number | null; out: string; err: string }>;

/** A real `pointsman` process. */
export class Pointsman {
  readonly child: ChildProcess;
  #out = "";
  #err = "";
  readonly #watchers = new Set<() => void>();

  /** `program` is the one built for the tests, unless `bin` is what the test is about. */
  constructor(
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    program = inject("program"),
  ) {
    this.child = spawn(process.execPath, [program, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...environment },
    });
    this.child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      this.#out += chunk;
      this.#said();
    });
    this.child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      this.#err += chunk;
    });
    this.child.once("exit", () => this.#said());
  }

  /** Runs to its end. */
  static async run(...args: string[]): Promise<Ended> {
    return new Pointsman(args).ended();
  }

  async ended(): Promise<Ended> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, "close");
    return { code: this.child.exitCode, out: this.#out, err: this.#err };
  }

  /** Resolves with the match once standard output holds it; rejects when the process ends without. */
  saying(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(this.#out);
        if (!match && this.child.exitCode === null && this.child.signalCode === null) return;
        this.#watchers.delete(look);
        if (match) resolve(match);
        else reject(new Error(`ended without ${pattern}:\n${this.#out}\n${this.#err}`));
      };
      this.#watchers.add(look);
      look();
    });
  }

  #said(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}
