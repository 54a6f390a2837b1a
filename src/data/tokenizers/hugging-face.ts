/**
 * Tokenizers of `tokenizer.json` files (BPE, WordPiece, Unigram, word level), run by `@huggingface/tokenizers`. Text becomes ids
 * without the special tokens of the file's template: models of seqlab have their own. Other than seqlab's own tokenizers, these
 * may change text or lose it: `lossless.ts` says where that is refused.
 */
import { Tokenizer as Runner } from "@huggingface/tokenizers";
import { fail } from "../../tensor/error.ts";
import { type HuggingFaceFile, parseHuggingFaceFile } from "./hugging-face-file.ts";
import { metaspaceMarks, mostCharacters, runByWords } from "./metaspace-words.ts";
import { specialIdsOf } from "./special-ids.ts";
import type { StreamDecoder, Tokenizer } from "./tokenizer.ts";

/** The tokenizer of a parsed file. Throws `E_TOKENIZER`, naming the path inside it. */
export function createHuggingFaceTokenizer(json: unknown, where = "tokenizer.file"): Tokenizer {
  const file = parseHuggingFaceFile(json, where);
  const runner = runnerOf(file, where);
  const size = file.tokens.length;
  const decode = (ids: ArrayLike<number>) => decoded(runner, checkedIds(ids, size));
  return {
    kind: "huggingface",
    size,
    special: specialIdsOf(file),
    encode: (text) => encoded(text.toWellFormed(), { runner, size, where }),
    decode,
    streamDecoder: () => streamOver(decode),
    toJSON: () => ({ kind: "huggingface", file: file.json }),
  };
}

function runnerOf({ json, checked }: HuggingFaceFile, where: string): Runner {
  const { normalizer, pre_tokenizer, post_processor, decoder, added_tokens, model } = checked;
  const whole = { ...(json as object), normalizer, pre_tokenizer, post_processor, decoder, added_tokens, model };
  try {
    const runner = new Runner(whole, { unk_token: model.type === "Unigram" ? undefined : model.unk_token });
    runByWords(runner, metaspaceMarks(pre_tokenizer));
    return runner;
  } catch (cause) {
    return fail({
      code: "E_TOKENIZER",
      where,
      expected: "parts that @huggingface/tokenizers runs",
      got: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  }
}

interface Encoding {
  runner: Runner;
  size: number;
  where: string;
}

function encoded(text: string, { runner, size, where }: Encoding): Int32Array {
  const ids: readonly (number | undefined)[] = run(text, { runner, where });
  const missing = ids.findIndex((id) => id === undefined || !(id >= 0 && id < size));
  if (missing < 0) return Int32Array.from(ids as number[]);
  return fail({
    code: "E_TOKENIZER_UNKNOWN",
    where,
    expected: "a token for every part of the text, or one for unknown parts",
    got: `a part of ${JSON.stringify(shown(text))} that has none`,
    hint: "Choose a tokenizer that covers the text, or one with bytes for what it does not know.",
  });
}

const shown = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text);

function run(text: string, { runner, where }: Omit<Encoding, "size">): number[] {
  try {
    return runner.encode(text, { add_special_tokens: false }).ids;
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    return fail({
      code: "E_TOKENIZER_TEXT",
      where,
      expected: `a tokenizer that cuts a long text into words (pre_tokenizer), or texts of at most ${mostCharacters} characters`,
      got: `${text.length} characters in one piece`,
      hint: "Use it for pairs of sentences, or take --tokenizer bpe.",
      cause,
    });
  }
}

function checkedIds(ids: ArrayLike<number>, size: number): number[] {
  const list = Array.from(ids);
  const wrong = list.find((id) => !Number.isInteger(id) || id < 0 || id >= size);
  if (wrong === undefined) return list;
  return fail({ code: "E_TOKEN_ID", where: "token id", expected: `0 … ${size - 1}`, got: String(wrong) });
}

const decoded = (runner: Runner, ids: number[]): string =>
  ids.length === 0 ? "" : runner.decode(ids, { clean_up_tokenization_spaces: false });

/** No character has more bytes, and so no more ids wait for its end. */
const mostWaiting = 4;

/**
 * A decoder may treat the first token of a text in its own way (no space before it), so ids are decoded together with those
 * emitted before them, and what these gave is taken off.
 */
function streamOver(decode: (ids: readonly number[]) => string): StreamDecoder {
  let emitted: number[] = [];
  let waiting: number[] = [];
  const flush = (): string => {
    const text = textOf();
    emitted = waiting;
    waiting = [];
    return text;
  };
  const textOf = () => decode([...emitted, ...waiting]).slice(decode(emitted).length);
  return {
    push(id) {
      waiting.push(id);
      return waiting.length < mostWaiting && decode([...emitted, ...waiting]).endsWith("\ufffd") ? "" : flush();
    },
    end() {
      const rest = waiting.length > 0 ? flush() : "";
      emitted = [];
      return rest;
    },
  };
}
