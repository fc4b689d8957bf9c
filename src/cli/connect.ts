import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type Endpoint, type RemoteController, remoteController } from "../api/client.ts";
import { isLoopback } from "../config/api-document.ts";
import { secretResolver } from "../config/secrets.ts";
import { Failure } from "../kernel/failure.ts";
import type { Globals } from "./options.ts";
import { whoAmI } from "./terminal.ts";

const EndpointFile = z.object({ url: z.url(), token: z.string().min(1) });

/**
 * The controller that was named by `--url`, with the token of `--token-file` or POINTSMAN_TOKEN; or the one that runs on the state folder, with
 * the token of `--token-file` or else its own. Throws CONTROLLER_UNREACHABLE when there is none.
 */
export async function connect({ state, url, tokenFile }: Globals): Promise<RemoteController> {
  if (url === undefined) {
    const endpoint = await endpointIn(state);
    // POINTSMAN_TOKEN is for another controller, set once for all commands.
    return remoteController(tokenFile === undefined ? endpoint : { ...endpoint, token: await tokenIn(tokenFile) });
  }
  const { protocol, hostname, origin } = new URL(url);
  const isClear = protocol === "http:" && !isLoopback(hostname.replace(/^\[|\]$/g, ""));
  const wrong = (message: string, mend: string) => new Failure("CONFIG_INVALID", message, { mend });
  if (isClear) throw wrong(`--url ${origin} would send the token in clear`, "use https");
  const { POINTSMAN_TOKEN: set } = process.env;
  if (tokenFile === undefined && set === undefined)
    throw wrong("--url needs a token", "name its file with --token-file, or set POINTSMAN_TOKEN");
  const token = tokenFile === undefined ? checked(set, "POINTSMAN_TOKEN") : await tokenIn(tokenFile);
  return remoteController({ url: origin, token });
}

const tokenIn = async (file: string) => checked(await secretResolver(".", process.env)({ file }), file);

function checked(token = "", where: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new Failure("CONFIG_INVALID", `${where} holds no token`, { mend: "write the token there, and nothing else" });
}

/** Under which name to ask: the given one, or the token's, or, where the controller takes names on trust, the user's. */
export async function asWhom(controller: RemoteController, as: string | undefined): Promise<string> {
  return as ?? (await controller.whoAmI()).name ?? whoAmI();
}

export async function endpointIn(stateFolder: string): Promise<Endpoint> {
  const file = join(stateFolder, "endpoint.json");
  const mend = "start one with pointsman run (or pointsman demo two-transits), or name its state folder with --state";
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new Failure("CONTROLLER_UNREACHABLE", `no controller runs on ${stateFolder}: ${file} cannot be read`, {
      mend,
      cause,
    });
  });
  const parsed = EndpointFile.safeParse(parseJson(text));
  if (!parsed.success) throw new Failure("CONTROLLER_UNREACHABLE", `${file} is not an endpoint file`, { mend });
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Not JSON is one of the ways of not being an endpoint file.
  }
}
