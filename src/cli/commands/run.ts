import { dirname } from "node:path";
import { Command } from "commander";
import { secretResolver } from "../../config/secrets.ts";
import { loadSettings } from "../../config/settings.ts";
import { systemClock } from "../../kernel/clock.ts";
import { unwrap } from "../../kernel/failure.ts";
import { globalsOf, wholeNumber } from "../options.ts";
import { stopSignal } from "../stop-signal.ts";
import { tell } from "../tell.ts";

export function runCommand(): Command {
  return new Command("run")
    .description("run the controller on your network")
    .option("--config <file>", "inventory and settings", "pointsman.yaml")
    .option("--port <port>", "port of the API on loopback; 0 takes a free one", wholeNumber(0, 65_535))
    .action(async (options: { config: string; port?: number }, command: Command) => {
      const { state, json } = globalsOf(command);
      const { startController } = await import("../../app/controller.ts");
      const { claimStateFolder } = await import("../../app/state-folder.ts");
      const told = tell(json, state);
      const settings = unwrap(await loadSettings(options.config));
      const stateFolder = await claimStateFolder(state);
      try {
        const running = await startController({
          settings,
          stateFolder,
          ...(options.port === undefined ? {} : { apiPort: options.port }),
          resolveSecret: secretResolver(dirname(options.config), process.env),
          clock: systemClock,
          random: Math.random,
          onTransition: told.transition,
          onTrouble: told.trouble,
          onConclusion: told.conclusion,
          onPolicyStep: told.policyStep,
          onOperation: told.operation,
        });
        const urls = [running.url, ...(running.encryptedUrl ? [running.encryptedUrl] : [])];
        told.listening(urls.map((url) => ({ name: "controller", protocol: "api", url })));
        try {
          await Promise.race([stopSignal(), running.failed]);
        } finally {
          told.stopping();
          await running.stop();
        }
      } finally {
        await stateFolder.release();
      }
    });
}
