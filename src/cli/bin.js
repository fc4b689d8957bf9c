#!/usr/bin/env node
// The sources are TypeScript; tsx strips the types as they load, so that there is no build to run or to forget.
import { register } from "tsx/esm/api";

register();
await import("./main.ts");
