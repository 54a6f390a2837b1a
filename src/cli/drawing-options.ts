import type { ArgsDef } from "citty";
import type { Tokenizer } from "../data/index.ts";
import type { GenerationRequest } from "../generate/index.ts";
import type { CallOf } from "./frame/command.ts";
import { failUsage } from "./frame/usage-error.ts";
import { numberIn, wholeNumber } from "./frame/values.ts";

/** How tokens are drawn, and where a text ends: options of every command that writes text. */
export const drawingOptions = {
  temperature: {
    type: "string",
    valueHint: "X",
    description: "divides the scores: below 1 sharper, above 1 flatter; 0 takes the likeliest",
    default: "0.8",
  },
  "top-k": { type: "string", valueHint: "N", description: "draw among the N likeliest tokens (default: all)" },
  "top-p": {
    type: "string",
    valueHint: "X",
    description: "draw among the likeliest tokens that together have this probability, above 0 to 1 (default: 1)",
  },
  "min-p": {
    type: "string",
    valueHint: "X",
    description: "draw among tokens at least X times as likely as the likeliest, 0 to 1 (default: 0)",
  },
  typical: {
    type: "string",
    valueHint: "X",
    description: "draw among tokens of this probability whose surprise is nearest to the mean, above 0 to 1",
  },
  "repetition-penalty": {
    type: "string",
    valueHint: "X",
    description: "above 1: tokens of prompt and text are less likely to come again (default: 1)",
  },
  "no-repeat-ngram": {
    type: "string",
    valueHint: "N",
    description: "no N tokens in a row come twice in prompt and text (default: any may)",
  },
  stop: { type: "string", valueHint: "TEXT", description: "end the text at this token, which is not part of it" },
  "min-new-tokens": {
    type: "string",
    valueHint: "N",
    description: "do not end the text at --stop before N tokens (default: 0)",
  },
} as const satisfies ArgsDef;

type Drawing = CallOf<typeof drawingOptions>["args"];
type Sampler = NonNullable<GenerationRequest["sampler"]>;

/** The sampler that the options ask for. Throws E_OPTION. */
export function samplerOf(args: Drawing): Sampler {
  const shares = { "top-p": "topP", typical: "typical" } as const;
  const counts = { "top-k": "topK", "no-repeat-ngram": "noRepeatNgram" } as const;
  return {
    temperature: numberIn("temperature", args.temperature, { least: 0 }),
    ...given(args, shares, (name, text) => numberIn(name, text, { above: 0, most: 1 })),
    ...given(args, counts, (name, text) => wholeNumber(name, text)),
    ...given(args, { "min-p": "minP" } as const, (name, text) => numberIn(name, text, { least: 0, most: 1 })),
    ...given(args, { "repetition-penalty": "repetitionPenalty" } as const, (name, text) =>
      numberIn(name, text, { above: 0 }),
    ),
  };
}

type Option = keyof typeof drawingOptions;

/** Values of the options that were given, under the sampler's names. */
function given(
  args: Drawing,
  names: Readonly<Partial<Record<Option, keyof Sampler>>>,
  read: (name: string, text: string) => number,
): Sampler {
  const settings = Object.entries(names).flatMap(([name, setting]): [string, number][] => {
    const text = args[name as Option];
    return text === undefined ? [] : [[setting, read(name, text)]];
  });
  return Object.fromEntries(settings) as Sampler;
}

/** Where the text ends: the ids of `--stop`, and the sampler's part in keeping it from ending too early. */
export function endingOf(
  args: Drawing,
  { tokenizer, prompt }: { tokenizer: Tokenizer; prompt: Int32Array },
): { stop: number[]; sampler: Pick<Sampler, "minLength"> } {
  const least = args["min-new-tokens"];
  const tokens = least === undefined ? 0 : wholeNumber("min-new-tokens", least, { least: 0 });
  if (args.stop === undefined) {
    if (least !== undefined) failUsage({ ...noStop, got: `--min-new-tokens ${least} alone` });
    return { stop: [], sampler: {} };
  }
  const end = [...tokenizer.encode(args.stop)];
  if (end.length !== 1) failUsage({ ...notOneToken, got: `"${args.stop}", ${end.length} tokens` });
  // An empty prompt is replaced by one start token.
  return { stop: end, sampler: { minLength: { tokens: Math.max(1, prompt.length) + tokens, end } } };
}

const noStop = { code: "E_OPTION", where: "--min-new-tokens", expected: "--stop, at which the text may end" } as const;
const notOneToken = { code: "E_OPTION", where: "--stop", expected: "one token of the run's tokenizer" } as const;
