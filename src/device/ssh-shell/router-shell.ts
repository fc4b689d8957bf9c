import type { Readable } from "node:stream";
import type { Client, ClientCallback } from "ssh2";
import type { Clock } from "../../kernel/clock.ts";
import { Failure } from "../../kernel/failure.ts";
import type { DeviceName, Management, ResolveSecret } from "../../model/inventory.ts";
import { openSsh } from "../ssh-session.ts";
import { commandLine } from "./trial-scripts.ts";

/** As much of a router as its shell needs to know. */
export type ShellHost = Readonly<{ name: DeviceName; management: Management }>;

export type ShellOptions = Readonly<{
  device: ShellHost;
  resolveSecret: ResolveSecret;
  clock: Clock;
  commandTimeoutMs: number;
  /** Debian packages beside util-linux, coreutils and mawk. */
  packages: string;
  /** A command that shows a person what is wrong. */
  look: string;
}>;

/** First line of what a script printed, and the rest. */
export type Answer = Readonly<{ word: string; rest: string }>;

/** Of what one command prints, on each of its two streams. A whole running configuration has a few hundred kilobytes. */
const maxOutputBytes = 16 << 20;
const longestQuote = 400;

/** Runs constant scripts over one SSH connection, which is opened when first needed and again after it was lost. */
export class RouterShell {
  readonly #options: ShellOptions;
  #connection: Promise<Client> | undefined;

  constructor(options: ShellOptions) {
    this.#options = options;
  }

  /**
   * Throws: what `openSsh` throws; DEVICE_TIMEOUT after `commandTimeoutMs`, with the connection closed, because the router's state is
   * unknown; DEVICE_UNREACHABLE when the connection ends half way; DEVICE_UNSUPPORTED when the account has no POSIX shell;
   * DEVICE_PROTOCOL when a script ended in a way it never does, or prints without end: then the connection is closed too.
   */
  async run(script: string, args: readonly string[], input = ""): Promise<Answer> {
    const { device, clock, commandTimeoutMs, packages, look } = this.#options;
    const connection = this.#connected();
    const client = await connection;
    const drop = () => {
      this.#forget(connection);
      client.destroy();
    };
    const { code, out, err } = await new Promise<Ended>((resolve, reject) => {
      const settled = () => {
        cancel();
        client.off("close", onClose);
      };
      const onClose = () => {
        settled();
        reject(
          new Failure("DEVICE_UNREACHABLE", `${device.name}: the SSH connection ended in the middle of a command`, {
            retry: "later",
            mend: "Read the router's state back before trying again",
          }),
        );
      };
      const cancel = clock.after(commandTimeoutMs, () => {
        settled();
        drop();
        reject(
          new Failure("DEVICE_TIMEOUT", `${device.name}: no answer to a command within ${commandTimeoutMs} ms`, {
            retry: "later",
            mend: "Check the router's load; its state is unknown until it is read back",
          }),
        );
      });
      // The connection stays: other commands may be running on it.
      const noChannel = (error: Error) => {
        settled();
        reject(
          new Failure("DEVICE_UNREACHABLE", `${device.name}: no command channel: ${error.message}`, {
            retry: "later",
            mend: "Check that the account may run commands and that MaxSessions is not used up",
          }),
        );
      };
      client.on("close", onClose);
      const onChannel: ClientCallback = (error, stream) => {
        if (error) return noChannel(error);
        const tooMuch = () => {
          settled();
          drop();
          reject(
            new Failure("DEVICE_PROTOCOL", `${device.name}: a command printed more than ${maxOutputBytes >> 20} MiB`, {
              retry: "later",
              mend: `Log in as the same user and run ${look} to see what is wrong`,
            }),
          );
        };
        const stdout = collected(stream, tooMuch);
        const stderr = collected(stream.stderr, tooMuch);
        stream.on("close", (code: number | null | undefined) => {
          // A lost connection closes its channels first, without a code: the connection's own `close` speaks for it.
          if (code === undefined) return;
          settled();
          resolve({ code, out: stdout(), err: stderr() });
        });
        stream.end(input);
      };
      try {
        client.exec(commandLine(script, args), onChannel);
      } catch (error) {
        // Between the socket's end and `close`, ssh2 throws.
        if (!(error instanceof Error)) throw error;
        drop();
        noChannel(error);
      }
    });
    if (code === 126 || code === 127) {
      throw new Failure("DEVICE_UNSUPPORTED", `${device.name}: a command is missing: ${firstLine(err || out)}`, {
        mend: `Give the account /bin/sh and the Debian packages ${packages}, util-linux, coreutils and mawk`,
      });
    }
    if (code !== 0) {
      throw new Failure(
        "DEVICE_PROTOCOL",
        `${device.name}: a command ended with ${code === null ? "a signal" : `code ${code}`}: ${firstLine(err || out)}`,
        { retry: "later", mend: `Log in as the same user and run ${look} to see what is wrong` },
      );
    }
    const end = out.indexOf("\n");
    const [word, rest] = end < 0 ? [out, ""] : [out.slice(0, end), out.slice(end + 1)];
    if (word === "no-folder") {
      throw new Failure("DEVICE_UNSUPPORTED", `${device.name}: no state folder to write to: ${firstLine(err)}`, {
        mend: `Make it on the router: install -d -m 0700 -o ${device.management.username} ${args[0]}`,
      });
    }
    return { word, rest };
  }

  async close(): Promise<void> {
    const pending = this.#connection;
    this.#connection = undefined;
    if (!pending) return;
    const client = await pending.catch(() => undefined);
    // If it never opened, whoever asked for it was told. A frozen router would never answer a goodbye: none is said.
    client?.destroy();
  }

  #connected(): Promise<Client> {
    const { device, resolveSecret } = this.#options;
    if (this.#connection) return this.#connection;
    const opening = openSsh({ name: device.name, management: device.management, resolveSecret });
    this.#connection = opening;
    const forget = () => this.#forget(opening);
    opening.then((client) => client.once("close", forget), forget);
    return opening;
  }

  #forget(connection: Promise<Client>): void {
    if (this.#connection === connection) this.#connection = undefined;
  }
}

type Ended = Readonly<{ code: number | null; out: string; err: string }>;

/** What comes on `stream`, once it has all come; calls `tooMuch` instead, once, when there is no end to it. */
function collected(stream: Readable, tooMuch: () => void): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on("data", (chunk: Buffer) => {
    if (size > maxOutputBytes) return;
    size += chunk.length;
    if (size > maxOutputBytes) tooMuch();
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString("utf8");
}

const firstLine = (text: string) => (text.trim().split("\n")[0] ?? "").slice(0, longestQuote);
