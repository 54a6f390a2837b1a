#!/usr/bin/env node
import { runCli } from "./frame/run-cli.ts";

process.exitCode = await runCli(process.argv.slice(2));
