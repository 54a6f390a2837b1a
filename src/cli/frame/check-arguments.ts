/** The strict reading of a command line; citty, which parses it afterwards, ignores what it does not know. */
import { parseArgs } from "node:util";
import type { ArgDef, ArgsDef } from "citty";
import type { CommandShape, Operand } from "./command.ts";
import { didYouMean, failUsage } from "./usage-error.ts";

type Token = NonNullable<ReturnType<typeof tokensOf>>[number];
type OptionToken = Extract<Token, { kind: "option" }>;

function tokensOf(raw: readonly string[], options: ArgsDef) {
  const known = Object.entries(options).map(([name, definition]) => {
    const short = (definition as { alias?: string }).alias;
    return [
      name,
      { type: definition.type === "boolean" ? ("boolean" as const) : ("string" as const), ...(short && { short }) },
    ] as const;
  });
  return parseArgs({
    args: [...raw],
    options: Object.fromEntries(known),
    allowPositionals: true,
    strict: false,
    tokens: true,
  }).tokens;
}

/** Operands and typed option names of a command line. Throws E_OPTION or E_OPERAND. */
export async function checkArguments(
  command: CommandShape,
  raw: readonly string[],
): Promise<{ operands: string[]; given: Set<string> }> {
  const tokens = tokensOf(raw, command.options);
  const given = new Set<string>();
  for (const token of tokens.filter((one) => one.kind === "option")) {
    await checkOption(token, command);
    if (given.has(token.name))
      failUsage({ code: "E_OPTION", where: token.rawName, expected: "each option once", got: "it twice" });
    given.add(token.name);
  }
  const operands = tokens.filter((token) => token.kind === "positional").map(({ value }) => value);
  if (!given.has("help")) checkOperands(operands, command);
  return { operands, given };
}

async function checkOption(
  { name, rawName, value, inlineValue }: OptionToken,
  { name: command, options }: CommandShape,
): Promise<void> {
  const definition: ArgDef | undefined = Object.hasOwn(options, name) ? options[name] : undefined;
  if (definition === undefined) {
    const known = Object.keys(options).map((key) => `--${key}`);
    failUsage({
      code: "E_OPTION",
      where: rawName,
      expected: `an option of seqlab ${command}`,
      hint: await didYouMean(rawName, known, `seqlab ${command} --help lists them.`),
    });
  }
  if (definition.type === "boolean") {
    if (value !== undefined) failUsage({ code: "E_OPTION", where: rawName, expected: "no value", got: `"${value}"` });
    return;
  }
  const missing = value === undefined || (!inlineValue && value.startsWith("--"));
  if (missing)
    failUsage({
      code: "E_OPTION",
      where: rawName,
      expected: `a value (${definition.valueHint})`,
      got: value === undefined ? "nothing" : `the option ${value}`,
    });
  if (definition.type === "enum" && !definition.options?.includes(value))
    await rejectChoice(rawName, value, definition.options ?? []);
}

async function rejectChoice(where: string, value: string, choices: readonly string[]): Promise<never> {
  return failUsage({
    code: "E_OPTION",
    where,
    expected: choices.join(" or "),
    got: `"${value}"`,
    hint: await didYouMean(value, choices, `Write for instance ${where} ${choices[0]}.`),
  });
}

function checkOperands(operands: readonly string[], { name, operands: expected }: CommandShape): void {
  const most = expected.reduce((sum, { count }) => sum + (count === "any" ? Number.POSITIVE_INFINITY : 1), 0);
  const least = expected.filter(({ count }) => count === "one");
  const missing = least[operands.length];
  if (missing)
    failUsage({
      code: "E_OPERAND",
      where: `seqlab ${name}`,
      expected: `${missing.name} (${missing.description})`,
      got: "nothing",
      hint: `seqlab ${name} --help shows how.`,
    });
  if (operands.length > most)
    failUsage({
      code: "E_OPERAND",
      where: `seqlab ${name}`,
      expected: describe(expected),
      got: operands.map((one) => `"${one}"`).join(", "),
    });
}

const describe = (operands: readonly Operand[]): string => operands.map(({ name }) => name).join(" ") || "options only";
