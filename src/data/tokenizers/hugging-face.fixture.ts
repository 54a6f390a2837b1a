/** A `tokenizer.json` written by hand: the 256 bytes, three merges, two special tokens. */
/** GPT-2's printable stand-ins for the 256 bytes. */
const visible = Array.from({ length: 256 }, (_, byte) => byte).map((byte, _, all) => {
  const shown = (b: number) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
  const hidden = all.filter((b) => !shown(b));
  return String.fromCodePoint(shown(byte) ? byte : 256 + hidden.indexOf(byte));
});
export const special = (id: number, content: string) => ({ id, content, special: true, normalized: false });
export const idsOf = (tokens: readonly string[]) => Object.fromEntries(tokens.map((token, id) => [token, id]));

export const byteLevel = {
  added_tokens: [special(0, "<pad>"), special(1, "</s>")],
  normalizer: null,
  pre_tokenizer: { type: "ByteLevel", add_prefix_space: false },
  post_processor: null,
  decoder: { type: "ByteLevel" },
  model: {
    type: "BPE",
    vocab: idsOf(["<pad>", "</s>", ...visible, "th", "Ġth", "Ġthe"]),
    merges: ["t h", "Ġ th", "Ġth e"],
  },
};
