import { defineConfig } from "vitest/config";

// One file at a time: the tests own network namespaces, ports and daemons. The demos need none of that, but half a minute each.
export default defineConfig({
  test: {
    include: ["test/system/**/*.test.ts"],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    fileParallelism: false,
    globalSetup: ["test/support/built-program.ts"],
  },
});
