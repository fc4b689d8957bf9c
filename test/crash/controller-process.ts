import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { ChangeState } from "../../src/model/change.ts";

type Told = Readonly<{
  change?: string;
  state?: ChangeState;
  msg?: string;
  /** Of a trouble or a conclusion. */
  reason?: string;
  where?: string;
  failure?: { message: string };
  endpoints?: readonly { url: string }[];
}>;

/** A real `pointsman run`, heard by the lines that it writes for programs. */
export class ControllerProcess {
  /** Resolves once it has gone, however it went. */
  readonly gone: Promise<void>;
  readonly #child: ChildProcess;
  readonly #state: string;
  #url: string | undefined;
  #err = "";

  constructor(options: {
    program: string;
    configFile: string;
    stateFolder: string;
    /** As soon as the process says so. */
    onState: (id: string, state: ChangeState) => void;
    onListening: () => void;
    /** Whatever else it says. */
    onRemark: (text: string) => void;
  }) {
    const { program, configFile, stateFolder, onState, onListening, onRemark } = options;
    this.#state = stateFolder;
    const args = [program, "run", "--json", "--config", configFile, "--state", stateFolder];
    this.#child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.gone = once(this.#child, "exit").then(() => undefined);
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#err += text;
    });
    const lines = this.#child.stdout;
    if (!lines) throw new Error("its output is a pipe");
    createInterface({ input: lines }).on("line", (line) => {
      const told = parsed(line);
      if (told?.change && told.state) onState(told.change, told.state);
      else if (told?.msg === "listening") {
        this.#url = told.endpoints?.[0]?.url;
        onListening();
      } else if (told) {
        const { msg, where, reason, failure } = told;
        onRemark([msg, where, reason, failure?.message].filter((part) => part !== undefined).join(": "));
      }
    });
  }

  get errors(): string {
    return this.#err;
  }

  /** The signal is sent before this returns. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Posts `body`, where there is one. Fails when the process dies meanwhile, or refuses. */
  async ask(route: string, body?: Readonly<Record<string, string>>): Promise<unknown> {
    const endpoint = JSON.parse(await readFile(join(this.#state, "endpoint.json"), "utf8")) as { token: string };
    const answer = await fetch(`${this.#url}${route}`, {
      headers: { authorization: `Bearer ${endpoint.token}`, "content-type": "application/json" },
      ...(body && { method: "POST", body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(await answer.text());
    return await answer.json();
  }
}

/** A line cut short by the kill is none. */
function parsed(line: string): Told | undefined {
  try {
    return JSON.parse(line) as Told;
  } catch {
    return undefined;
  }
}
