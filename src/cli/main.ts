#!/usr/bin/env node
import nodeModule from "node:module";

// Halves the time to start where Node can keep compiled modules (22.8 and later); the command's own processes use them too.
nodeModule.enableCompileCache?.();
const cache = nodeModule.getCompileCacheDir?.();
if (cache !== undefined) process.env["NODE_COMPILE_CACHE"] ??= cache;
const { runCli } = await import("./frame/run-cli.ts");

const status = await runCli(process.argv.slice(2));
// A closed pipe has set it already.
process.exitCode ??= status;
