import { parseArgs } from "node:util";

type Options = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>["options"]>;

/** What `judge` makes of the arguments. What is wrong with them ends the process: a line of why and the usage on stderr, exit code 2. */
export function fromArguments<const Of extends Options, To>(
  { usage, options }: Readonly<{ usage: string; options: Of }>,
  judge: (values: ReturnType<typeof parseArgs<{ options: Of }>>["values"]) => To,
): To {
  try {
    return judge(parseArgs({ options }).values);
  } catch (error) {
    console.error(`${(error as Error).message}\nusage: ${usage}`);
    process.exit(2);
  }
}

/** A whole number of at least `least`. Throws Error with the name of the option. */
export function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
  throw new Error(`--${name} ${text} is not a whole number from ${least}`);
}

/** Whether whoever read stdout has gone (`| head`), which is no error: the program ends what it is at, and says no more. */
export function outputClosed(): () => boolean {
  let closed = false;
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    closed = true;
  });
  return () => closed;
}
