/**
 * A `tokenizer.json` of Hugging Face, checked before anything is built of it: what `@huggingface/tokenizers` 0.2.0 would take in
 * silence and do otherwise than the reference is refused here, by name.
 */
import { z } from "zod";
import { type Json, parseStored } from "../../checkpoints/index.ts";
import { fail } from "../../tensor/error.ts";

/** Ids of the largest vocabulary; those in use have up to 262,144. */
const mostIds = 1 << 20;

/** In zod's words, which the error message is made of. */
const refusal = (expected: string, got: string): string => `Unsupported: expected ${expected}, received ${got}`;

const part = z.looseObject({ type: z.string() }).nullable().default(null);
const id = z.int().min(0).lt(mostIds);
const vocabulary = z.record(z.string(), id);
const unknown = z.string().nullable().default(null);
const merge = z.union([z.string(), z.tuple([z.string(), z.string()])]);

const model = z.discriminatedUnion("type", [
  z.looseObject({
    type: z.literal("BPE"),
    vocab: vocabulary,
    merges: z.array(merge).max(mostIds),
    unk_token: unknown,
    dropout: z.literal(0, refusal("no dropout of merges", "dropout")).nullable().default(null),
    continuing_subword_prefix: z
      .literal("", refusal("no prefix of a word's later parts", "one"))
      .nullable()
      .default(null),
  }),
  z.looseObject({
    type: z.literal("WordPiece"),
    vocab: vocabulary,
    unk_token: z.string(),
    continuing_subword_prefix: z.string(),
    max_input_chars_per_word: z.int().positive().default(100),
  }),
  z.looseObject({
    type: z.literal("Unigram"),
    vocab: z.array(z.tuple([z.string(), z.number()])).max(mostIds),
    unk_id: id.nullable().default(null),
    byte_fallback: z
      .literal(false, refusal("no bytes for unknown characters of a Unigram model", "byte_fallback"))
      .default(false),
  }),
  z.looseObject({ type: z.literal("WordLevel"), vocab: vocabulary, unk_token: unknown }),
]);

const file = z.looseObject({
  added_tokens: z
    .array(
      z.looseObject({
        id,
        content: z.string().min(1),
        special: z.boolean(),
        single_word: z.literal(false, refusal("no token that is a whole word only", "one")).default(false),
      }),
    )
    .max(mostIds)
    .default([]),
  normalizer: part,
  pre_tokenizer: part,
  post_processor: part,
  decoder: part,
  model,
});

/** As it was read, and what is known of it. */
export interface HuggingFaceFile {
  json: Json;
  checked: z.output<typeof file>;
  /** Tokens by id: 0 … size − 1, none missing. */
  tokens: readonly string[];
}

/** Throws `E_TOKENIZER`, naming the path inside the file. */
export function parseHuggingFaceFile(json: unknown, where: string): HuggingFaceFile {
  const checked = parseStored(file, json, { where, code: "E_TOKENIZER" });
  const tokens = tokensOf(checked, where);
  assertModel(checked, { known: new Set(tokens), where });
  return { json: json as Json, checked, tokens };
}

type Checked = HuggingFaceFile["checked"];

const entriesOf = ({ model }: Checked): [token: string, id: number][] =>
  model.type === "Unigram" ? model.vocab.map(([token], i) => [token, i]) : Object.entries(model.vocab);

function tokensOf(checked: Checked, where: string): string[] {
  const tokens: (string | undefined)[] = [];
  const ids = new Map<string, number>();
  const put = (path: string, token: string, id: number) => {
    if (tokens[id] === token) return;
    if (tokens[id] !== undefined || ids.has(token)) failToken(`${where}.${path}`, token, id);
    tokens[id] = token;
    ids.set(token, id);
  };
  for (const [token, id] of entriesOf(checked)) put("model.vocab", token, id);
  for (const [i, { content, id }] of checked.added_tokens.entries()) put(`added_tokens[${i}]`, content, id);
  let missing = 0;
  while (tokens[missing] !== undefined) missing++;
  if (tokens.length === 0 || missing < tokens.length) failDense(where, { missing, size: tokens.length });
  return tokens as string[];
}

const failToken = (where: string, token: string, id: number): never =>
  fail({
    code: "E_TOKENIZER",
    where,
    expected: "one id a token and one token an id",
    got: `${JSON.stringify(token)} with id ${id}`,
  });

function failDense(where: string, { missing, size }: { missing: number; size: number }): never {
  const got = size === 0 ? "no token" : `none with id ${missing} among ${size}`;
  return fail({ code: "E_TOKENIZER", where: `${where}.model.vocab`, expected: "tokens with the ids 0, 1, 2 …", got });
}

function assertModel({ model }: Checked, { known, where }: { known: ReadonlySet<string>; where: string }): void {
  if (model.type === "BPE") {
    for (const [i, one] of model.merges.entries()) assertMerge(one, { known, where: `${where}.model.merges[${i}]` });
  }
  if (model.type === "Unigram") {
    if (model.unk_id !== null && model.unk_id >= model.vocab.length)
      failUnknown(`${where}.model.unk_id`, String(model.unk_id));
  } else if (model.unk_token !== null && !known.has(model.unk_token)) {
    failUnknown(`${where}.model.unk_token`, JSON.stringify(model.unk_token));
  }
}

const failUnknown = (where: string, got: string): never =>
  fail({ code: "E_TOKENIZER", where, expected: "a token of the vocabulary", got });

function assertMerge(
  one: z.output<typeof merge>,
  { known, where }: { known: ReadonlySet<string>; where: string },
): void {
  const parts = typeof one === "string" ? one.split(" ") : one;
  if (parts.length === 2 && [...parts, parts.join("")].every((token) => known.has(token))) return;
  fail({
    code: "E_TOKENIZER",
    where,
    expected: "two tokens of the vocabulary that make a third",
    got: JSON.stringify(one),
  });
}
