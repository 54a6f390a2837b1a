import { collectPairs, createPairBatches } from "../../data/index.ts";
import type { Engine } from "../../engine/index.ts";
import { createRng } from "../../ops/index.ts";
import { type BuiltModel, buildSpec, canonicalSpec, type SpecInput } from "../../spec/index.ts";
import {
  createTraining,
  type Training,
  type TrainingData,
  type TrainingInput,
  trainingSchema,
} from "../../train/index.ts";

const attention = { kind: "attention", heads: 2, kvHeads: 1, positions: { kind: "rope" } } as const;

/** One small model of each family of architectures. */
export const families: Readonly<Record<string, Omit<SpecInput, "name" | "width" | "embedding">>> = {
  llama: { layers: [{ mixer: attention, channel: { kind: "swiglu" } }] },
  "mamba-2": { layers: [{ mixer: { kind: "mamba-2", heads: 2, state: 8 } }] },
  "gated-deltanet": {
    layers: [{ mixer: { kind: "gated-deltanet", heads: 2 }, channel: { kind: "swiglu" } }],
  },
  gla: { layers: [{ mixer: { kind: "gla", heads: 2, decayRank: 4 }, channel: { kind: "swiglu" } }] },
  mlstm: { layers: [{ mixer: { kind: "mlstm", heads: 2 } }] },
  s5: { layers: [{ mixer: { kind: "s5" }, channel: { kind: "swiglu" } }] },
  "rg-lru": { layers: [{ mixer: { kind: "rg-lru" }, channel: { kind: "swiglu" } }] },
  "rwkv-7": {
    layers: [
      { mixer: { kind: "rwkv-7", heads: 2, decayRank: 4, rateRank: 4, gateRank: 4 } },
      { mixer: { kind: "rwkv-channel-mix", gate: false } },
    ],
  },
  hyena: { layers: [{ mixer: { kind: "hyena" } }] },
  hybrid: {
    layers: [{ mixer: { kind: "mamba", state: 4 } }, { mixer: attention, channel: { kind: "swiglu" } }],
  },
  slstm: { layers: [{ mixer: { kind: "slstm", heads: 2 } }] },
  lstm: { layers: [{ mixer: { kind: "lstm" } }] },
  ltc: { layers: [{ mixer: { kind: "ltc", unfolds: 2 } }] },
  cfc: { layers: [{ mixer: { kind: "cfc" } }] },
  mixtral: { layers: [{ mixer: attention, channel: { kind: "moe", experts: 4, topK: 2 } }] },
  llada: {
    layers: [{ mixer: { ...attention, causal: false }, channel: { kind: "swiglu" } }],
    objective: { kind: "masked-diffusion" },
  },
  "encoder-decoder": {
    encoder: { layers: [{ mixer: { ...attention, causal: false }, channel: { kind: "mlp" } }] },
    layers: [{ mixer: attention, cross: { kind: "cross-attention" }, channel: { kind: "mlp" } }],
    objective: { kind: "sequence-to-sequence" },
  },
};

const tokens = 19;
const optimizer: TrainingInput["optimizer"] = { kind: "adamw", learningRate: 0.01 };

/** A short training, the same whatever the engine. */
export async function startFamily(engine: Engine, family: string, steps: number): Promise<Training> {
  const spec = canonicalSpec({ name: family, width: 16, embedding: { kind: "token" }, ...families[family]! });
  const config = trainingSchema.parse({ steps, batch: 2, length: 12, optimizer });
  const built = buildSpec(spec, { tokens });
  const data = built.model.readsSource ? await reversals(built) : { ids: drawn(600) };
  return createTraining(engine, built, { ...data, config });
}

function drawn(count: number): Int32Array {
  const rng = createRng(7);
  return Int32Array.from({ length: count }, (_, i) => (i % 7) + Math.floor((tokens - 7) * rng.uniform()));
}

/** Short sequences, each with the same from behind. */
async function reversals({ extraTokens }: BuiltModel): Promise<TrainingData> {
  const all = drawn(600);
  async function* examples() {
    for (let at = 0; at + 6 < all.length; at += 6) {
      const source = [...all.subarray(at, at + 2 + (at % 5))];
      yield { source, target: source.toReversed() };
    }
  }
  const { start, end } = extraTokens as { start: number; end: number };
  const pairs = await collectPairs(examples(), "reversals");
  return { batches: createPairBatches({ pairs, seed: 1, tokens: 24, longest: 8, start, end, buckets: 2 }) };
}

/** Loss and gradient norm of every step. */
export async function trainFamily(
  engine: Engine,
  family: string,
  steps: number,
): Promise<{ loss: number; gradNorm: number }[]> {
  const training = await startFamily(engine, family, steps);
  const records = [];
  for (let i = 0; i < steps; i++) {
    const { loss, gradNorm } = await training.advance();
    records.push({ loss, gradNorm });
  }
  await training.dispose();
  return records;
}
