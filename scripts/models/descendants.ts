import type { PublishedModel } from "./published-model.ts";

/** Models that change the size, the data or one part of a transformer before them, by the name of their spec. */
export const descendants: Readonly<Record<string, PublishedModel>> = {
  roberta: {
    model: "RoBERTa (base)",
    source: "https://huggingface.co/FacebookAI/roberta-base",
    tokens: 50_264,
    parameters: 124_696_665,
    checkpoint: 124_697_433,
    differences: { "the vector of its only segment": "768" },
    note: "the first two of its 514 positions are never used",
  },
  "gpt-neo": {
    model: "GPT-Neo 125M",
    source: "https://huggingface.co/EleutherAI/gpt-neo-125m",
    tokens: 50_257,
    parameters: 125_198_592,
    checkpoint: 125_198_592,
  },
  pythia: {
    model: "Pythia 160M",
    source: "https://huggingface.co/EleutherAI/pythia-160m",
    tokens: 50_304,
    parameters: 162_322_944,
    checkpoint: 162_322_944,
  },
  "phi-3": {
    model: "Phi-3-mini-4k-instruct",
    source: "https://huggingface.co/microsoft/Phi-3-mini-4k-instruct",
    tokens: 32_064,
    parameters: 3_821_079_552,
    checkpoint: 3_821_079_552,
  },
  glam: {
    model: "GLaM 8B/64E",
    source: "https://arxiv.org/abs/2112.06905",
    tokens: 256_000,
    parameters: 143_860_998_144,
    figure: { text: "143B (Table 4)", value: 143e9 },
    formula: {
      "one table of 256000 ids": "256000·4096",
      "32 attentions, 32 buckets of distances a head": "32·(4·4096² + 32·32)",
      "16 gated nets": "16·3·4096·16384",
      "16 layers of a router and 64 experts": "16·(4096·64 + 64·2·4096·16384)",
      "norms with offsets": "(2·32 + 1)·2·4096",
    },
    note: "the paper says neither which norms it has nor how many buckets its distances fall into",
  },
};
