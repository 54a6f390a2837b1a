import type { ArgsDef, ParsedArgs } from "citty";

/** A word that is no option: which ones a command takes, and how many of each. */
export interface Operand {
  /** As in the usage line: `SPEC`. */
  name: string;
  description: string;
  count: "one" | "optional" | "any";
}

export interface Example {
  command: string;
  effect: string;
}

/** What a command is called with. */
export interface CommandCall<T extends ArgsDef> {
  args: ParsedArgs<T>;
  /** Words that are no options, in order. */
  operands: readonly string[];
  /** Names of the options that were typed; the others have their defaults. */
  given: ReadonlySet<string>;
  /** Everything behind the command's name, as typed. */
  raw: readonly string[];
}

/** A command as data: its help, the check of its arguments and its run are all read off this. */
export interface Command<T extends ArgsDef> {
  name: string;
  summary: string;
  /** Paragraphs of the help, above the options. */
  about: readonly string[];
  operands: readonly Operand[];
  options: T;
  examples: readonly Example[];
  run(call: CommandCall<T>): Promise<void>;
}

/** A command without its run: what help and the check of arguments read. */
export type CommandShape = Omit<Command<ArgsDef>, "run">;

// biome-ignore lint/suspicious/noExplicitAny: a call of one command's types is no call of another's; the table holds all.
export type AnyCommand = Command<any>;

/** Options of every command. */
export const sharedOptions = {
  json: { type: "boolean", description: "print the result as one JSON document on standard output", default: false },
  debug: { type: "boolean", description: "print the stack of an unexpected error", default: false },
  help: { type: "boolean", alias: "h", description: "print this help", default: false },
} as const satisfies ArgsDef;

export type CallOf<T extends ArgsDef> = CommandCall<T & typeof sharedOptions>;

/** A command as its file writes it: the shared options are added. */
type Definition<T extends ArgsDef> = Omit<Command<T>, "run"> & { run(call: CallOf<T>): Promise<void> };

export function defineSeqlabCommand<const T extends ArgsDef>(
  definition: Definition<T>,
): Command<T & typeof sharedOptions> {
  return { ...definition, options: { ...definition.options, ...sharedOptions } };
}
