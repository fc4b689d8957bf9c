import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type Endpoint, remoteController } from "../api/client.ts";
import { Failure } from "../kernel/failure.ts";
import type { Controller } from "../model/controller.ts";

const EndpointFile = z.object({ url: z.url(), token: z.string().min(1) });

/** The controller that runs on this state folder. Throws CONTROLLER_UNREACHABLE when there is none. */
export async function connect(stateFolder: string): Promise<Controller> {
  return remoteController(await endpointIn(stateFolder));
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
