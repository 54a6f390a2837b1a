/** How the parts of a spec are written in a diagram. Names that follow no rule are listed; all else is read off the key. */

import { threeDigits, whole } from "../format.ts";
import type { PartSpec } from "./architecture.ts";

const TITLES: Readonly<Record<string, string>> = {
  attention: "Attention",
  "mamba-2": "Mamba-2",
  "gated-deltanet": "Gated DeltaNet",
  "gated-delta-net": "Gated DeltaNet",
  mlstm: "mLSTM",
  slstm: "sLSTM",
  lstm: "LSTM",
  gru: "GRU",
  cfc: "CfC",
  mlp: "MLP",
  swiglu: "SwiGLU",
  moe: "Mixture of experts",
  rmsnorm: "RMSNorm",
  layernorm: "LayerNorm",
  rope: "RoPE",
  lm: "Language-model head",
  token: "Token embedding",
  "next-token": "next token",
  "masked-diffusion": "masked diffusion",
  d3pm: "discrete diffusion",
  "masked-lm": "masked tokens",
  "span-corruption": "the spans left out",
  denoising: "the text before the noise",
  "sequence-to-sequence": "next token of the answer",
  "cross-attention": "Cross attention",
  bidirectional: "Both directions",
  "conv-glu": "Gated convolution",
  "dilated-conv": "Dilated convolution",
  gla: "GLA",
  rnn: "RNN",
};

/** Options that say most about a part, in the order in which a reader wants them. */
const FIRST = [
  "heads",
  "kvHeads",
  "experts",
  "topK",
  "window",
  "mask",
  "causal",
  "flow",
  "hidden",
  "positions",
  "state",
  "stateSize",
];
const LAST = ["eps", "bias", "init", "dropout"];

export function titleOf(kind: string): string {
  if (Object.hasOwn(TITLES, kind)) return TITLES[kind] ?? kind;
  return kind.charAt(0).toUpperCase() + kind.slice(1);
}

/** "4 heads", "2 kv heads", "RoPE", "hidden 176": one short phrase per option, the telling ones first. */
export function optionPhrases({ options }: PartSpec): string[] {
  const keys = Object.keys(options);
  const place = (key: string) =>
    FIRST.includes(key)
      ? FIRST.indexOf(key)
      : LAST.some((word) => key.toLowerCase().includes(word))
        ? 200
        : 100 + keys.indexOf(key);
  return keys.sort((a, b) => place(a) - place(b)).flatMap((key) => phrase(key, options[key]));
}

function phrase(key: string, value: unknown): string[] {
  const words = key.replace(/([a-z0-9])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`);
  if (typeof value === "boolean") return value ? [words] : [];
  if (typeof value === "number") return [numberPhrase(words, value)];
  if (typeof value === "string") return value === "none" ? [] : [`${words} ${value}`];
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  const { kind } = value as { kind?: unknown };
  return typeof kind === "string" && kind !== "none" ? [titleOf(kind)] : [];
}

/** "heads" and "experts" are counted; "bias", "basis" and "radius" are not plurals. */
const PLURAL = /[^aiosu]s$/;

function numberPhrase(words: string, value: number): string {
  if (!Number.isInteger(value)) return `${words} ${threeDigits(value)}`;
  return PLURAL.test(words)
    ? `${whole(value)} ${value === 1 ? words.slice(0, -1) : words}`
    : `${words} ${whole(value)}`;
}
