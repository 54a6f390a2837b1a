import { fail } from "../../tensor/error.ts";
import type { Tokenizer } from "./tokenizer.ts";

/**
 * Bits per byte count the bytes of a text, so that its ids must hold all of it. Throws `E_TOKENIZER_LOSSY` where they do not:
 * unknown characters, changed case or accents, spaces that are not told apart. `where` says which text. Tokenizers of seqlab's
 * own lose nothing and are not tried.
 */
export function assertLossless(tokenizer: Tokenizer, texts: Iterable<string>, where: string): void {
  if (tokenizer.kind !== "huggingface") return;
  let index = 0;
  for (const text of texts) {
    index++;
    const ids = tokenizer.encode(text);
    const back = tokenizer.decode(ids);
    if (back !== text.toWellFormed()) failLossy(tokenizer, { text, back, ids, where: `${where}, text ${index}` });
  }
}

interface Lossy {
  text: string;
  back: string;
  ids: Int32Array;
  where: string;
}

function failLossy({ special }: Tokenizer, { text, back, ids, where }: Lossy): never {
  let at = 0;
  while (at < text.length && text[at] === back[at]) at++;
  const part = (whole: string) => JSON.stringify(whole.slice(Math.max(0, at - 10), at + 20));
  const unknown = ids.reduce((sum, id) => sum + (id === special?.unk ? 1 : 0), 0);
  fail({
    code: "E_TOKENIZER_LOSSY",
    where,
    expected: "a tokenizer whose ids give the text back, so that bits per byte count all of its bytes",
    got: `${part(back)} for ${part(text)} at character ${at}, ${unknown} unknown of ${ids.length} tokens`,
    hint: "Byte-level BPE and BPE with bytes for unknown characters lose nothing; so do bpe, char and byte.",
  });
}
