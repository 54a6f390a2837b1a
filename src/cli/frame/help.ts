import type { ArgDef } from "citty";
import type { CommandEntry } from "../commands.ts";
import type { CommandShape, Operand } from "./command.ts";

const width = 100;

const exitStatuses = [
  ["0", "success"],
  ["1", "failure; the last line on standard error says what went wrong and what to do"],
  ["2", "the command was called wrongly"],
  ["130", "interrupted by Ctrl-C (143 by SIGTERM, 129 by SIGHUP); what was saved is named"],
  ["141", "the reader of standard output went away"],
] as const;

/** The help of all commands. */
export function renderOverview(commands: Readonly<Record<string, CommandEntry>>, version: string): string {
  return sections([
    [`seqlab ${version}: define, train and compare sequence models`],
    ["Usage: seqlab COMMAND [OPTIONS]"],
    ["Commands:", ...rows(Object.entries(commands).map(([name, { summary }]) => [name, summary]))],
    [
      "Options:",
      ...rows([
        ["-h, --help", "print this help; seqlab COMMAND --help explains a command"],
        ["--version", "print the version"],
      ]),
    ],
    [
      "Examples:",
      "  seqlab compare --quick",
      "  seqlab compare llama mamba-2 my-spec.yaml --data notes.txt --budget minutes=5",
      "  seqlab train lstm --data builtin --steps 500 --name first",
      '  seqlab generate first --prompt "The whale" --tokens 100',
      "  seqlab describe gated-deltanet",
    ],
    [
      "Specs are shipped names (seqlab describe --help lists them) or files, JSON or YAML. Data go to standard output, all else to standard error.",
    ],
    statusLines(),
  ]);
}

/** The help of one command. */
export function renderHelp({ name, summary, about, operands, options, examples }: CommandShape): string {
  return sections([
    [`seqlab ${name}: ${summary}`],
    [`Usage: seqlab ${[name, ...operands.map(usageOf), "[OPTIONS]"].join(" ")}`],
    ...about.map((paragraph) => wrap(paragraph, width)),
    operands.length > 0 ? ["Arguments:", ...rows(operands.map((operand) => [operand.name, operand.description]))] : [],
    [
      "Options:",
      ...rows(Object.entries(options).map(([key, definition]) => [labelOf(key, definition), describe(definition)])),
    ],
    [
      "Examples:",
      ...examples.flatMap(({ command, effect }) => [
        `  ${command}`,
        ...wrap(effect, width - 6).map((line) => `      ${line}`),
      ]),
    ],
    statusLines(),
  ]);
}

const statusLines = (): string[] => ["Exit status:", ...rows(exitStatuses)];

function usageOf({ name, count }: Operand): string {
  if (count === "one") return name;
  return count === "optional" ? `[${name}]` : `[${name}…]`;
}

function labelOf(
  name: string,
  { type, valueHint, alias, options }: ArgDef & { alias?: unknown; options?: readonly string[] },
): string {
  const short = typeof alias === "string" ? `-${alias}, ` : "";
  const value =
    type === "enum" ? ` ${(options ?? []).join("|")}` : type === "boolean" ? "" : ` ${valueHint ?? "VALUE"}`;
  return `${short}--${name}${value}`;
}

function describe({ description = "", default: value }: ArgDef): string {
  return value === undefined || value === false ? description : `${description} (default: ${value})`;
}

/** Two columns; the second is wrapped, and begins on its own line where the first is long. */
function rows(entries: readonly (readonly [string, string])[]): string[] {
  const column = Math.min(30, Math.max(...entries.map(([label]) => label.length)) + 4);
  return entries.flatMap(([label, text]) => {
    const lines = wrap(text, width - column).map((line) => " ".repeat(column) + line);
    const head = `  ${label}`;
    if (head.length + 2 > column) return [head, ...lines];
    const [first = "", ...rest] = lines;
    return [head + first.slice(head.length), ...rest];
  });
}

export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= columns) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

const sections = (parts: readonly (readonly string[])[]): string =>
  parts
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join("\n")}\n`)
    .join("\n");
