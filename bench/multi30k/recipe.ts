/** The small translation recipe of `evidence/multi30k.json`: one set of settings for seqlab and for the PyTorch peer. */
import { canonicalSpec } from "../../src/spec/index.ts";
import { trainingSchema } from "../../src/train/index.ts";

export const recipe = {
  entries: 2000,
  width: 128,
  heads: 4,
  layers: 2,
  hidden: 512,
  dropout: 0.1,
  smoothing: 0.1,
  /** Source tokens, and target tokens, a batch. */
  tokens: 1024,
  steps: 3000,
  warmup: 600,
  /** On the rate of Vaswani et al. 2017, eq. 3. */
  factor: 0.5,
  longest: 60,
  seed: 1,
  threads: 2,
} as const;

export const spec = canonicalSpec({
  name: "multi30k-transformer",
  title: "The Transformer of 2017, small",
  width: recipe.width,
  embedding: { kind: "token", scale: "sqrt-width", positions: { kind: "sinusoidal" } },
  defaults: { norm: { kind: "layernorm" }, placement: "post" },
  encoder: {
    layers: [
      {
        mixer: {
          kind: "attention",
          heads: recipe.heads,
          causal: false,
          bias: true,
          outBias: true,
          weightDropout: recipe.dropout,
        },
        channel: { kind: "mlp", hidden: recipe.hidden, activation: "relu", bias: true },
        repeat: recipe.layers,
      },
    ],
  },
  layers: [
    {
      mixer: { kind: "attention", heads: recipe.heads, bias: true, outBias: true, weightDropout: recipe.dropout },
      cross: { kind: "cross-attention", heads: recipe.heads, bias: true, outBias: true, weightDropout: recipe.dropout },
      channel: { kind: "mlp", hidden: recipe.hidden, activation: "relu", bias: true },
      repeat: recipe.layers,
    },
  ],
  dropout: recipe.dropout,
  objective: { kind: "sequence-to-sequence", labelSmoothing: recipe.smoothing },
});

export const training = trainingSchema.parse({
  seed: recipe.seed,
  steps: recipe.steps,
  batch: 1,
  length: recipe.tokens,
  optimizer: { kind: "adam", learningRate: recipe.factor, beta1: 0.9, beta2: 0.98, epsilon: 1e-9, clipNorm: null },
  schedule: { kind: "noam", width: recipe.width, warmupSteps: recipe.warmup },
});
