/** Comparisons for tests: nine plausible models, computed, not measured; and models made to break a page. */
import type { Comparison, ComparisonResult, CurvePoint, Figure } from "../analysis/index.ts";

/** Shape of one made-up model; everything else follows from it. */
interface Sketch {
  spec: string;
  title: string;
  layers: readonly unknown[];
  /** Loss at the end of training, nats per token. */
  loss: number;
  tokensPerS: number;
  decodeMs: number;
  /** State bytes that do not grow, and bytes per token that do; null: no state. */
  state: { fixed: number; perToken: number } | null;
  bound?: boolean;
}

const layer = (mixer: object, channel: object = { kind: "swiglu", hidden: 176 }, rest: object = {}) => ({
  mixer,
  channel,
  norm: { kind: "rmsnorm", eps: 1e-6 },
  placement: "pre",
  residual: { kind: "add" },
  ...rest,
});
const attention = { kind: "attention", heads: 4, kvHeads: 2, mask: "causal", positions: { kind: "rope", base: 10000 } };
const mamba = { kind: "mamba-2", heads: 8, expand: 2, state: 16, conv: 4 };
const times = (count: number, one: object) => Array<object>(count).fill(one);

export const SKETCHES: readonly Sketch[] = [
  {
    spec: "llama",
    title: "Llama: pre-norm Transformer with RoPE, RMSNorm, SwiGLU, GQA",
    layers: times(4, layer(attention)),
    loss: 3.52,
    tokensPerS: 41000,
    decodeMs: 0.7,
    state: { fixed: 0, perToken: 1024 },
  },
  {
    spec: "mamba-2",
    title: "Mamba-2: state-space duality",
    layers: times(6, layer(mamba, { kind: "none" })),
    loss: 3.47,
    tokensPerS: 24000,
    decodeMs: 0.9,
    state: { fixed: 112e3, perToken: 0 },
  },
  {
    spec: "gated-deltanet",
    title: "Gated DeltaNet",
    layers: times(4, layer({ kind: "gated-deltanet", heads: 4, conv: 4 })),
    loss: 3.41,
    tokensPerS: 19000,
    decodeMs: 0.95,
    state: { fixed: 71e3, perToken: 0 },
  },
  {
    spec: "xlstm",
    title: "xLSTM: mLSTM and sLSTM blocks",
    layers: [
      ...times(3, layer({ kind: "mlstm", heads: 4 }, { kind: "none" })),
      layer({ kind: "slstm", heads: 4 }, { kind: "mlp", hidden: 172 }),
    ],
    loss: 3.58,
    tokensPerS: 11000,
    decodeMs: 1.2,
    state: { fixed: 68e3, perToken: 0 },
  },
  {
    spec: "lstm",
    title: "LSTM, four layers",
    layers: times(
      4,
      layer({ kind: "lstm", hidden: 92 }, { kind: "none" }, { norm: { kind: "layernorm" }, placement: "post" }),
    ),
    loss: 3.71,
    tokensPerS: 27000,
    decodeMs: 0.5,
    state: { fixed: 2944, perToken: 0 },
  },
  {
    spec: "cfc",
    title: "Closed-form continuous-time network",
    layers: times(2, layer({ kind: "cfc", hidden: 128, mode: "default" }, { kind: "none" })),
    loss: 3.94,
    tokensPerS: 15500,
    decodeMs: 0.6,
    state: { fixed: 1024, perToken: 0 },
  },
  {
    spec: "hybrid",
    title: "Hybrid: two Mamba-2 layers, then one of attention",
    layers: [0, 1].flatMap(() => [layer(mamba), layer(mamba), layer(attention)]),
    loss: 3.43,
    tokensPerS: 26000,
    decodeMs: 0.85,
    state: { fixed: 74e3, perToken: 512 },
  },
  {
    spec: "mixtral",
    title: "Mixtral: top-2 mixture of experts",
    layers: times(
      4,
      layer(attention, { kind: "moe", experts: 8, topK: 2, hidden: 88, loadBalance: 0.01, zLoss: 0.001 }),
    ),
    loss: 3.55,
    tokensPerS: 17000,
    decodeMs: 1.1,
    state: { fixed: 0, perToken: 1024 },
  },
  {
    spec: "llada",
    title: "LLaDA: masked diffusion over a bidirectional Transformer",
    layers: times(4, layer({ ...attention, kvHeads: 4, mask: "none" })),
    loss: 4.61,
    tokensPerS: 39000,
    decodeMs: 9.5,
    state: null,
    bound: true,
  },
];

const TOKENS = 491520;

export function comparisonOf(sketches: readonly Sketch[] = SKETCHES, seeds: readonly number[] = [0, 1]): Comparison {
  return {
    protocol: protocolFor(seeds),
    results: sketches.map((sketch) => resultOf(sketch, seeds)),
    wordShare: { spec: sketches[0]?.spec ?? "", trained: 0.713, untrained: 0.094, words: 87 },
  };
}

export function resultOf(sketch: Sketch, seeds: readonly number[]): ComparisonResult {
  const { spec, title, loss, tokensPerS, decodeMs, state, bound } = sketch;
  const n = seeds.length;
  const near = (mean: number, share = 0.03, repeats = n): Figure => ({
    mean,
    spread: repeats > 1 ? mean * share : 0,
    n: repeats,
  });
  const stateAt = (context: number) => (state === null ? null : state.fixed + state.perToken * context);
  const bits = loss / Math.LN2 / 2.61;
  return {
    spec,
    title,
    seeds: [...seeds],
    params: 496000 + Math.round(loss * 1000),
    activeParams: spec === "mixtral" ? 301000 : 496000 + Math.round(loss * 1000),
    tokens: TOKENS,
    embeddingShare: 0.19,
    bitsPerByte: { ...near(bits, 0.006), kind: bound ? "upper-bound" : "exact", ...(bound && { stdErr: 0.008 }) },
    trainTokensPerS: near(tokensPerS),
    decodeTokensPerS: near(1000 / decodeMs, 0.05, 3),
    firstTokenMs: near(decodeMs * 24, 0.1, 3),
    peakTrainBytes: near(2 ** 20 * (120 + 4e6 / tokensPerS)),
    peakDecodeBytes: near(2 ** 20 * (31 + 20 * decodeMs)),
    stateBytes:
      state && Object.fromEntries([1024, 16384, 262144].map((context) => [String(context), stateAt(context) ?? 0])),
    tuned: { width: 64 + Math.round(loss * 8), "layers[*].channel.hidden": 170 + Math.round(loss) },
    canonical: canonicalOf(sketch),
    curves: seeds.map((seed) => ({ seed, points: curveOf(loss, tokensPerS, seed) })),
    decode: [128, 512, 2048, 8192].map((context) => ({
      context,
      msPerToken: near(decodeMs * (1 + (context * (state?.perToken ?? 256)) / 4e6), 0.08, 3),
      stateBytes: stateAt(context),
    })),
    sample: SAMPLE,
    ...(bound && { decodeNote: "blocks of 32 tokens, 32 denoising steps" }),
  };
}

const SAMPLE = {
  prompt: "The whale ",
  text: "was the captain of the ship, and the sea was a great wall,\nand then he said that the old man should be a whale.",
  seed: 0,
};

function canonicalOf({ spec, title, layers, bound }: Sketch): ComparisonResult["canonical"] {
  return {
    name: spec,
    title,
    width: 92,
    embedding: { kind: "token", positions: { kind: "none" } },
    layers,
    norm: { kind: "rmsnorm" },
    head: { kind: "lm", tied: true },
    dropout: 0,
    objective: { kind: bound ? "masked-diffusion" : "next-token" },
  };
}

/** A power law with deterministic ripples. */
function curveOf(final: number, tokensPerS: number, seed: number): CurvePoint[] {
  const [steps, batch] = [240, 2048];
  return Array.from({ length: steps }, (_, i) => {
    const tokens = (i + 1) * batch;
    const shape = ((i + 1) / steps) ** -0.22 - 1;
    const ripple = 0.05 * Math.sin(i * 1.7 + seed * 2 + final * 9) + 0.03 * Math.sin(i * 0.31 + seed);
    return {
      step: i + 1,
      tokens,
      seconds: tokens / (tokensPerS * (1 + 0.02 * seed)),
      loss: Math.min(6.6, final + 1.25 * shape + ripple),
    };
  });
}

function protocolFor(seeds: readonly number[]): Comparison["protocol"] {
  return {
    command: "seqlab compare --quick --data builtin --seeds 2",
    seqlab: "0.1.0",
    date: "2026-01-15T10:20:30Z",
    data: {
      name: "moby-dick",
      sha256: "9d2f6c0e41b0d3f0b1f3a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6",
      trainBytes: 1110000,
      validationBytes: 123000,
    },
    tokenizer: { kind: "bpe", size: 768, bytesPerToken: 2.61 },
    size: "params=500k",
    budget: "tokens=491520",
    tokens: TOKENS,
    seeds: [...seeds],
    context: 128,
    batch: 16,
    step: {
      accumulate: 1,
      precision: { parameters: "f32" },
      lossScale: { kind: "none" },
      rematerialise: "none",
      nonFinite: "stop",
    },
    optimizer: {
      kind: "adamw",
      learningRate: 0.003,
      betas: [0.9, 0.95],
      weightDecay: 0.1,
      clip: 1,
      schedule: { kind: "cosine", warmup: 100 },
    },
    versions: { node: "24.21.0", "onnxruntime-node": "1.30.0" },
    machine: { cpu: "Example CPU @ 2.4 GHz", cores: 2, threads: 2, memoryBytes: 8 * 2 ** 30, os: "Linux 6.1 x64" },
    baselineBytes: 92 * 2 ** 20,
    seconds: 268,
  };
}

/** Markup, control characters, direction overrides and an unpaired surrogate, in one string. */
export const HOSTILE = `<script>alert(1)</script>"'&amp;\u0000\u001b[31m\u202Eevil\u2066\ud800</style><img src=x onerror=alert(1)>`;

/** The nine models with every piece of text replaced by a hostile one. */
export function hostileComparison(): Comparison {
  const honest = comparisonOf();
  return replaceTexts(honest) as Comparison;
}

const KEPT = new Set(["kind", "placement", "command"]);

function replaceTexts(value: unknown, key = ""): unknown {
  if (typeof value === "string") return KEPT.has(key) && key !== "command" ? value : `${HOSTILE}${value}`;
  if (Array.isArray(value)) return value.map((inner) => replaceTexts(inner));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, replaceTexts(inner, name)]));
}
