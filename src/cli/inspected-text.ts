/** What `seqlab inspect` shows to a model: ids of a text, of an answer to a source, or numbers as they are. */

import type { Engine } from "../engine/index.ts";
import { createTranslator } from "../generate/index.ts";
import { counted } from "../report/index.ts";
import type { BuiltModel } from "../spec/index.ts";
import type { Codec } from "../tasks/index.ts";
import { fail } from "../tensor/index.ts";
import { failUsage } from "./frame/usage-error.ts";
import { wholeNumber } from "./frame/values.ts";
import type { TrainedRun } from "./run-info.ts";

export const shownOptions = {
  text: { type: "string", valueHint: "TEXT", description: "what the model reads; of encoder–decoders the source" },
  target: {
    type: "string",
    valueHint: "TEXT",
    description: "encoder–decoders: the answer to look at (default: the model's own)",
  },
  ids: { type: "string", valueHint: "LIST", description: 'token ids instead of a text: "3 17 5"' },
  tokens: {
    type: "string",
    valueHint: "N",
    description: "longer texts are cut to their first N tokens (default: 128, or the model's limit)",
  },
  hidden: {
    type: "string",
    valueHint: "X",
    description: "masked models: share of the tokens that are hidden",
    default: "0.3",
  },
  seed: { type: "string", valueHint: "N", description: "masked models: which ones", default: "0" },
} as const;

export interface ShownArguments {
  text?: string | undefined;
  target?: string | undefined;
  ids?: string | undefined;
  tokens?: string | undefined;
}

export interface Shown {
  ids: Int32Array;
  source?: Int32Array;
  /** How an id reads. */
  text: (id: number) => string;
  /** What a reader must know of it. */
  notes: string[];
}

const mostTokens = 128;

/** Throws E_OPTION where the options do not fit the run. */
export async function shownText(
  args: ShownArguments,
  { stored, built, engine }: { stored: TrainedRun; built: BuiltModel; engine: Engine },
): Promise<Shown> {
  // On plain text the source is made of the text itself.
  if (built.model.readsSource && stored.kind === "task")
    return answered(args, { codec: codecOf(stored), built, engine });
  if (args.target !== undefined) rejectOption("--target", "a run whose model has an encoder", built.model.spec.name);
  const text = textOf(stored);
  const all = args.ids === undefined ? encoded(args.text, stored) : idsOf(args.ids, stored.tokens);
  return { ...cut(all, { args, built, trained: stored.protocol.config.length }), text };
}

/** Reads a source and the answer that was given, or the model's own. */
async function answered(
  args: ShownArguments,
  { codec, built, engine }: { codec: Codec; built: BuiltModel; engine: Engine },
): Promise<Shown> {
  if (args.ids !== undefined) rejectOption("--ids", "--text, the source", "token ids");
  const source = codec.encodeSource(needed(args.text));
  const text = (id: number) => codec.pieces([id])[0]!;
  if (args.target !== undefined) return { ids: encodedTarget(args.target, codec), source, text, notes: [] };
  const translator = createTranslator(engine, built, { beams: 4, batch: 1 });
  try {
    const [best] = (await translator.translate([source]))[0]!;
    return { ids: best!.tokens, source, text, notes: ["No --target was given: the answer is the model's own."] };
  } finally {
    await translator.dispose();
  }
}

/** Only a tokenizer of both sides says what an answer's ids are. */
function encodedTarget(target: string, codec: Codec): Int32Array {
  if (codec.toJSON().kind === "tokenizer") return codec.encodeSource(target);
  return rejectOption("--target", "a run on texts: the model's own answer is inspected without it", `"${target}"`);
}

function codecOf(stored: TrainedRun): Codec {
  if (stored.kind === "task" && stored.codec) return stored.codec;
  return fail({ code: "E_INSPECT", where: "run", expected: "a codec for sources and answers", got: stored.data.name });
}

const textOf = (stored: TrainedRun): ((id: number) => string) => {
  if (stored.kind === "text") return (id) => stored.tokenizer.decode([id]);
  const { codec } = stored;
  return codec ? (id) => codec.pieces([id])[0]! : String;
};

function encoded(text: string | undefined, stored: TrainedRun): Int32Array {
  if (stored.kind === "text") return stored.tokenizer.encode(needed(text));
  if (stored.codec) return stored.codec.encodeSource(needed(text));
  return rejectOption("--text", `--ids: the sequences of ${stored.data.name} stand for no text`, "a text");
}

function needed(text: string | undefined): string {
  return text === undefined || text === "" ? rejectOption("--text", "a text to read", "nothing") : text;
}

function idsOf(list: string, tokens: number): Int32Array {
  const words = list.split(/[\s,]+/).filter((word) => word !== "");
  return Int32Array.from(words, (word) => wholeNumber("ids", word, { least: 0, most: tokens - 1 }));
}

/** The first tokens of a longer text. */
function cut(
  ids: Int32Array,
  { args, built: { model }, trained }: { args: ShownArguments; built: BuiltModel; trained: number },
): Pick<Shown, "ids" | "notes"> {
  const asked = args.tokens === undefined ? undefined : wholeNumber("tokens", args.tokens);
  if (asked !== undefined && asked > model.limit)
    rejectOption("--tokens", `at most ${model.limit}, the model's limit`, String(asked));
  const most = asked ?? Math.min(mostTokens, model.limit);
  const kept = ids.slice(0, most);
  const why = most === model.limit ? "the model's limit" : "--tokens reads more";
  return {
    ids: kept,
    notes: [
      ...(kept.length < ids.length
        ? [`The text has ${counted(ids.length, "token")}; only the first ${kept.length} were read (${why}).`]
        : []),
      ...(kept.length > trained
        ? [`The model was trained on ${trained} tokens at a time: what stands behind them is new to it.`]
        : []),
    ],
  };
}

const rejectOption = (where: string, expected: string, got: string): never =>
  failUsage({ code: "E_OPTION", where, expected, got });
