/** How often a property is tried: `runs` in `npm test`, FUZZ_TIMES as often when somebody asks. fast-check prints the seed of a failure. */
export const fuzz = (runs: number) => ({ numRuns: runs * Number(process.env.FUZZ_TIMES ?? 1) });
