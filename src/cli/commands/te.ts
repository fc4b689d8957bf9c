import { Command } from "commander";
import { estimateCommand } from "./te-estimate.ts";
import { relieveCommand } from "./te-relieve.ts";
import { solveCommand } from "./te-solve.ts";
import { whatIfCommand } from "./te-whatif.ts";

export function teCommand(): Command {
  const te = new Command("te").description("traffic engineering on topology and demand files");
  for (const command of [solveCommand(), relieveCommand(), whatIfCommand(), estimateCommand()]) te.addCommand(command);
  return te;
}
