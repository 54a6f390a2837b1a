import { type ArgsDef, defineCommand, runCommand } from "citty";
import { SeqlabError } from "../../tensor/error.ts";
import { commands } from "../commands.ts";
import { checkArguments } from "./check-arguments.ts";
import { colour } from "./colour.ts";
import type { Command } from "./command.ts";
import { renderHelp, renderOverview } from "./help.ts";
import { Interrupted } from "./interrupt.ts";
import { guardStreams, note, OutputClosed, pipeClosedStatus, printData } from "./output.ts";
import { didYouMean, failUsage, isUsageError } from "./usage-error.ts";
import { packageVersion } from "./version.ts";

/** Runs a command line (without program name) and returns the exit status; prints errors, throws nothing. */
export async function runCli(raw: readonly string[]): Promise<number> {
  guardStreams();
  try {
    await dispatch(raw);
    return 0;
  } catch (error) {
    return report(error, { debug: raw.includes("--debug") });
  }
}

async function dispatch([name, ...rest]: readonly string[]): Promise<void> {
  const overview = () => renderOverview(commands, packageVersion());
  if (name === undefined)
    return failUsage({
      code: "E_COMMAND",
      where: "seqlab",
      expected: `a command (${Object.keys(commands).join(", ")})`,
      got: "nothing",
      hint: "seqlab --help explains them.",
    });
  if (name === "--help" || name === "-h") return printData(overview());
  if (name === "--version") return printData(`${packageVersion()}\n`);
  if (name === "help") return rest[0] === undefined ? printData(overview()) : dispatch([rest[0], "--help"]);
  await run(await load(name), rest);
}

async function load(name: string): Promise<Command<ArgsDef>> {
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry !== undefined) return (await entry.load()) as Command<ArgsDef>;
  const names = Object.keys(commands);
  const expected = name.startsWith("-") ? "the command before its options" : `one of ${names.join(", ")}`;
  return failUsage({
    code: "E_COMMAND",
    where: "seqlab",
    expected,
    got: `"${name}"`,
    hint: await didYouMean(name, names, "seqlab --help explains them."),
  });
}

async function run(command: Command<ArgsDef>, raw: readonly string[]): Promise<void> {
  const { operands, given } = await checkArguments(command, raw);
  if (given.has("help")) return printData(renderHelp(command));
  const parsed = defineCommand({
    args: command.options,
    run: ({ args }) => command.run({ args, operands, given, raw }),
  });
  await runCommand(parsed, { rawArgs: [...raw] });
}

function report(error: unknown, { debug }: { debug: boolean }): number {
  if (error instanceof OutputClosed) return pipeClosedStatus;
  if (error instanceof Interrupted) {
    for (const line of error.lines) note(line);
    return error.status;
  }
  const known = error instanceof SeqlabError;
  const message = error instanceof Error ? error.message : String(error);
  note(`${colour("red", "error:")} ${oneLine(message)}`);
  if (!known) note("This is a fault in seqlab. Please report the command, this message and what --debug adds to it.");
  if (debug && error instanceof Error) note(error.stack ?? "");
  return isUsageError(error) ? 2 : 1;
}

/** Errors take one line, whatever they quote. */
const oneLine = (text: string): string => text.replaceAll(/\s*\n\s*/g, " ");
