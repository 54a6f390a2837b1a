#!/usr/bin/env node
import { runCli } from "./frame/run-cli.ts";

const status = await runCli(process.argv.slice(2));
// A closed pipe has set it already.
process.exitCode ??= status;
