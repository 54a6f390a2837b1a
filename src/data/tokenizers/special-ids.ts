import type { HuggingFaceFile } from "./hugging-face-file.ts";
import type { SpecialIds } from "./tokenizer.ts";

/** Names under which published tokenizers have them, the commonest first. */
const names = {
  pad: ["<pad>", "[PAD]", "<|pad|>", "<|endoftext|>"],
  bos: ["<s>", "<bos>", "[BOS]", "[CLS]", "<|begin_of_text|>", "<|startoftext|>", "<|endoftext|>"],
  eos: ["</s>", "<eos>", "[EOS]", "[SEP]", "<|end_of_text|>", "<|endoftext|>"],
} as const;

/**
 * Ids of the tokens that stand for no text. `tokenizer.json` declares only the unknown one and that of padding; the others are
 * those special tokens that have one of the usual names.
 */
export function specialIdsOf({ checked, tokens }: HuggingFaceFile): SpecialIds {
  const special = new Map(
    checked.added_tokens.filter(({ special }) => special).map(({ content, id }) => [content, id]),
  );
  const named = (role: keyof typeof names) =>
    names[role].map((name) => special.get(name)).find((id) => id !== undefined);
  const ids = { pad: declaredPad(checked) ?? named("pad"), bos: named("bos"), eos: named("eos"), unk: unknownOf() };
  return Object.fromEntries(Object.entries(ids).filter(([, id]) => id !== undefined));

  function unknownOf(): number | undefined {
    if (checked.model.type === "Unigram") return checked.model.unk_id ?? undefined;
    return checked.model.unk_token === null ? undefined : tokens.indexOf(checked.model.unk_token);
  }

  function declaredPad({ padding }: HuggingFaceFile["checked"]): number | undefined {
    const id = typeof padding === "object" && padding !== null && "pad_id" in padding ? padding.pad_id : undefined;
    return typeof id === "number" && tokens[id] !== undefined ? id : undefined;
  }
}
