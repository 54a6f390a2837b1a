/**
 * The words of a Metaspace pre-tokenizer. Hugging Face's cuts a text in front of every mark that stands for a space, unless its
 * file says `split: false`; `@huggingface/tokenizers` 0.2.0 only puts the marks in. Without the cuts a Unigram model sees the
 * text as one lattice, whose best path may use tokens that cross words, and a long text is too much for one call.
 */
import { z } from "zod";

const metaspace = z.looseObject({
  type: z.literal("Metaspace"),
  replacement: z.string().min(1).default("▁"),
  split: z.boolean().default(true),
});
const sequence = z.looseObject({ type: z.literal("Sequence"), pretokenizers: z.array(z.unknown()) });

/** The marks in front of which a `pre_tokenizer` cuts. */
export function metaspaceMarks(part: unknown): string[] {
  const found = metaspace.safeParse(part);
  if (found.success) return found.data.split ? [found.data.replacement] : [];
  const parts = sequence.safeParse(part);
  return parts.success ? parts.data.pretokenizers.flatMap(metaspaceMarks) : [];
}

/** What is used of the library's models: its own declarations do not resolve. */
interface RunnerModel {
  _call(parts: readonly string[]): string[];
  encode(parts: readonly string[]): string[];
  /** Of Unigram models alone. */
  tokenize?(part: string): string[];
}

/** A lattice takes about a kilobyte a character. */
export const mostCharacters = 2 ** 20;

/**
 * Gives the runner's model one word at a time, so that no token, and no run of unknown parts, crosses two.
 * A Unigram model throws a `RangeError` for a word of more than {@link mostCharacters}.
 */
export function runByWords({ model }: { model: RunnerModel | null }, marks: readonly string[]): void {
  if (model === null) return;
  // The library's own hands over a word's tokens as arguments of one call, too many where a word is a whole text.
  const tokenize = model.tokenize?.bind(model);
  if (tokenize) model.encode = (parts) => parts.flatMap((part) => tokenize(bounded(part)));
  if (marks.length === 0) return;
  const whole = model._call.bind(model);
  model._call = (parts) => cutBefore(parts, marks).flatMap((word) => whole([word]));
}

function bounded(part: string): string {
  if (part.length > mostCharacters) throw new RangeError(`${part.length} characters in one piece`);
  return part;
}

const cutBefore = (parts: readonly string[], marks: readonly string[]): string[] =>
  marks.reduce<readonly string[]>((cut, mark) => cut.flatMap((part) => wordsOf(part, mark)), parts) as string[];

/** The words of "▁a▁▁b" are "▁a", "▁" and "▁b". */
function wordsOf(part: string, mark: string): string[] {
  const [first = "", ...others] = part.split(mark);
  const words = others.map((word) => mark + word);
  return first === "" ? words : [first, ...words];
}
