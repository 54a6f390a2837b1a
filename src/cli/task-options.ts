/** From options to the data of a task: translation, letters to phonemes, a synthetic task. */
import type { ArgsDef } from "citty";
import { type DatasetDescription, tasks } from "../tasks/index.ts";
import { type DataArguments, tokenizerChoice } from "./data-options.ts";
import { failUsage } from "./frame/usage-error.ts";
import { wholeNumber } from "./frame/values.ts";
import { choiceOf, fieldsOf } from "./training-fields.ts";

const text = (valueHint: string, description: string) => ({ type: "string", valueHint, description }) as const;

/** What a command trains on instead of text. */
export const taskOptions = {
  task: text(
    "KIND",
    `data other than text: translate (a parallel corpus), g2p (letters to phonemes, CMUdict), or a synthetic task: ${Object.keys(tasks).join(", ")}`,
  ),
  source: text("FILE", "translate: the source's sentences, one a line (.gz is unpacked)"),
  target: text("FILE", "translate: their translations, line by line"),
  pairs: text("FILE", "translate: both in one file, TSV or JSONL (.gz is unpacked), instead of --source and --target"),
  fields: text("S,T", "translate: keys of source and target in a JSONL file (default: source,target)"),
  "validation-source": text(
    "FILE",
    "translate: validation sources (default: the last tenth of the pairs, at most 2000)",
  ),
  "validation-target": text("FILE", "translate: validation translations"),
  "validation-pairs": text("FILE", "translate: both in one file"),
  longest: text("N", "translate: leave out training pairs of which a side has more tokens (default: 100)"),
  stress: { type: "boolean", description: "g2p: keep the stress of vowels, 69 phonemes instead of 39", default: false },
  "task-options": text("K=V,…", "synthetic: settings of the task, or as JSON, such as symbols=8"),
  lengths: text("A..B", "synthetic: lengths of the training examples (default: the longer half of what fits)"),
  "test-lengths": text("A..B", "synthetic: lengths of the test examples (default: those of training)"),
} as const satisfies ArgsDef;

export type TaskOption = keyof typeof taskOptions;
export type TaskArguments = { [K in Exclude<TaskOption, "stress">]?: string | undefined } & { stress: boolean };

type Kind = "translate" | "g2p" | "synthetic";

/** Which options say something about which task. */
const readBy: Readonly<Partial<Record<string, readonly Kind[]>>> = {
  source: ["translate"],
  target: ["translate"],
  pairs: ["translate"],
  fields: ["translate"],
  "validation-source": ["translate"],
  "validation-target": ["translate"],
  "validation-pairs": ["translate"],
  longest: ["translate"],
  tokenizer: ["translate"],
  entries: ["translate"],
  data: [],
  field: [],
  stress: ["g2p"],
  "task-options": ["synthetic"],
  lengths: ["synthetic"],
  "test-lengths": ["synthetic"],
};

const own = new Set<string>(Object.keys(taskOptions));

/** The data that the options name; nothing where they name a text. `length` is the window's. Throws E_OPTION. */
export function taskOf(
  args: TaskArguments & DataArguments,
  { given, length }: { given: ReadonlySet<string>; length: number },
): DatasetDescription | undefined {
  const kind = kindOf(args);
  for (const option of given) {
    const readers = readBy[option];
    const idle = kind === undefined ? own.has(option) : readers !== undefined && !readers.includes(kind);
    if (idle && option !== "task") failIdle(option, args.task);
  }
  if (kind === "g2p") return { kind, stress: args.stress };
  if (kind === "translate") return translationOf(args);
  return kind && syntheticOf(args, length);
}

function kindOf({ task }: TaskArguments): Kind | undefined {
  if (task === undefined) return undefined;
  const known = choiceOf("task", task, ["translate", "g2p", ...Object.keys(tasks)]);
  return known === "translate" || known === "g2p" ? known : "synthetic";
}

function failIdle(option: string, task: string | undefined): never {
  const readers = readBy[option]?.map((kind) => `--task ${kind === "synthetic" ? "KIND of a synthetic task" : kind}`);
  failUsage({
    code: "E_OPTION",
    where: `--${option}`,
    expected: readers?.length ? readers.join(" or ") : "a training on text, without --task",
    got: task === undefined ? "no --task" : `--task ${task}`,
  });
}

type Translation = Extract<DatasetDescription, { kind: "translate" }>;

function translationOf(args: TaskArguments & DataArguments): Translation {
  const train = filesOf(args, "");
  if (train === undefined)
    return failUsage({
      code: "E_OPTION",
      where: "--task translate",
      expected: "--source FILE and --target FILE, or --pairs FILE",
      got: "neither",
    });
  const validation = filesOf(args, "validation-");
  return {
    kind: "translate",
    train,
    ...(validation && { validation }),
    tokenizer: tokenizerChoice({ ...args, entries: args.entries ?? "8000" }),
    longest: args.longest === undefined ? 100 : wholeNumber("longest", args.longest),
  };
}

/** The files of the training part, or of the validation part. */
export function filesOf(args: TaskArguments, part: "" | "validation-"): Translation["train"] | undefined {
  const [source, target, pairs] = [args[`${part}source`], args[`${part}target`], args[`${part}pairs`]];
  const reject = (expected: string, got: string) =>
    failUsage({ code: "E_OPTION", where: `--${part}pairs`, expected, got });
  if (pairs !== undefined) {
    if (source !== undefined || target !== undefined) reject("one file of pairs, or two files", "both");
    return { source: pairs, ...(args.fields !== undefined && { fields: fieldNames(args.fields) }) };
  }
  if (source === undefined && target === undefined) return undefined;
  if (source !== undefined && target !== undefined) return { source, target };
  return failUsage({
    code: "E_OPTION",
    where: source === undefined ? `--${part}target` : `--${part}source`,
    expected: `--${part}${source === undefined ? "source" : "target"} beside it`,
    got: "it alone",
  });
}

function fieldNames(typed: string): [string, string] {
  const [source, target, ...more] = typed.split(",").map((name) => name.trim());
  if (source && target && more.length === 0) return [source, target];
  return failUsage({ code: "E_OPTION", where: "--fields", expected: "two keys, such as de,en", got: `"${typed}"` });
}

function syntheticOf(args: TaskArguments, length: number): DatasetDescription {
  const { lengths, "test-lengths": testLengths, "task-options": settings } = args;
  return {
    kind: "synthetic",
    task: args.task!,
    settings: (settings === undefined ? {} : fieldsOf("task-options", settings)) as Record<string, string | number>,
    length,
    ...(lengths !== undefined && { lengths: rangeOf("lengths", lengths) }),
    ...(testLengths !== undefined && { testLengths: rangeOf("test-lengths", testLengths) }),
  };
}

function rangeOf(option: string, typed: string): { least: number; most: number } {
  const [, least, most = least] = /^(\d+)(?:\.\.(\d+))?$/.exec(typed) ?? [];
  if (least !== undefined && Number(least) <= Number(most)) return { least: Number(least), most: Number(most) };
  return failUsage({
    code: "E_OPTION",
    where: `--${option}`,
    expected: "a length, or a range such as 8..16",
    got: `"${typed}"`,
  });
}
