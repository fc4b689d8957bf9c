// The arrows of ARCHITECTURE.md. A folder may import only itself and what stands beside its name.
const mayImport = {
  kernel: [],
  model: ["kernel"],
  te: ["kernel", "model"],
  telemetry: ["kernel", "model"],
  state: ["kernel", "model", "te"],
  policy: ["kernel", "model", "te"],
  decision: ["kernel", "model", "te"],
  guard: ["kernel", "model", "te"],
  change: ["kernel", "model"],
  device: ["kernel", "model"],
  verify: ["kernel", "model", "te"],
  loop: ["kernel", "model", "te", "state", "policy", "decision", "guard", "change", "verify"],
  store: ["kernel", "model"],
  config: ["kernel", "model"],
  lab: ["kernel", "model"],
  api: ["kernel", "model", "loop"],
  cli: ["kernel", "model", "config", "api", "app"],
  app: [
    "kernel",
    "model",
    "te",
    "telemetry",
    "state",
    "policy",
    "decision",
    "guard",
    "change",
    "device",
    "verify",
    "loop",
    "store",
    "config",
    "lab",
    "api",
  ],
};

const arrows = Object.entries(mayImport).map(([folder, allowed]) => ({
  name: `${folder}-arrows`,
  severity: "error",
  from: { path: `^src/${folder}/` },
  to: { path: "^src/", pathNot: `^src/(${[folder, ...allowed].join("|")})/` },
}));

// From state to verify, and te and loop: no I/O of their own.
const pure = {
  name: "functional-core",
  severity: "error",
  comment: "I/O, clocks and randomness are passed in",
  from: { path: "^src/(te|state|policy|decision|guard|change|verify|loop|model)/" },
  to: { dependencyTypes: ["core"] },
};

module.exports = {
  forbidden: [
    ...arrows,
    pure,
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    { name: "no-unresolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
    { name: "no-dev-deps", severity: "error", from: { path: "^src/" }, to: { dependencyTypes: ["npm-dev"] } },
    { name: "src-never-imports-test", severity: "error", from: { path: "^src/" }, to: { path: "^test/" } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "require", "node", "default", "types"],
    },
  },
};
