import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** `src/cli/main.ts` with its types stripped, as a file that `node` runs. */
    program: string;
  }
}

const root = fileURLToPath(new URL("../../", import.meta.url));

/** What is used of esbuild (https://esbuild.github.io/api/#build). */
type Load = Readonly<{ filter: RegExp }>;
type Builder = Readonly<{
  onLoad(of: Load, load: (file: { path: string }) => Promise<{ contents: string; loader: "ts" }>): void;
}>;
type Esbuild = Readonly<{ build(options: object): Promise<unknown> }>;

/** The one that tsx strips types with. */
const esbuild = createRequire(createRequire(import.meta.url).resolve("tsx"))("esbuild") as Esbuild;

/** Files are looked up from where the source stands, not from where it is built to. */
const whereTheSourceIs = {
  name: "where-the-source-is",
  setup({ onLoad }: Builder) {
    onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      return { contents: source.replaceAll("import.meta.url", JSON.stringify(pathToFileURL(path).href)), loader: "ts" };
    });
  },
};

/**
 * Builds the program once for all tests that run it as a process: tsx does that anew in each, which is half of the time that
 * most of them live. Vitest calls this before the tests, and what it returns after them.
 */
export default async function provideProgram(project: TestProject): Promise<() => Promise<void>> {
  const { program, remove } = await buildProgram();
  project.provide("program", program);
  return remove;
}

export async function buildProgram(): Promise<{ program: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "pointsman-built-"));
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  await esbuild.build({
    entryPoints: [join(root, "src/cli/main.ts")],
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    packages: "external",
    format: "esm",
    platform: "node",
    target: "node20",
    keepNames: true,
    logLevel: "error",
    plugins: [whereTheSourceIs],
  });
  return { program: join(folder, "main.mjs"), remove: () => rm(folder, { recursive: true, force: true }) };
}
