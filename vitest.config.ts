import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/system/**", "node_modules/**"],
    // FUZZ_TIMES asks properties to be tried that much more often: see test/support/fuzz.ts.
    testTimeout: 30_000 * Number(process.env.FUZZ_TIMES ?? 1),
    globalSetup: ["test/support/built-program.ts"],
    // Most of a test's time is waiting for a lab; no test changes what modules hold, so they are loaded once a worker.
    maxWorkers: 3,
    isolate: false,
  },
});
