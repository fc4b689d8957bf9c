import { defineConfig } from "vitest/config";

// One file at a time: the tests own network namespaces, ports and daemons.
export default defineConfig({
  test: { include: ["test/system/**/*.test.ts"], testTimeout: 180_000, hookTimeout: 180_000, fileParallelism: false },
});
