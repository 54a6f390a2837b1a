import type { Engine } from "../../engine/index.ts";
import { createRng } from "../../ops/index.ts";
import { buildSpec, canonicalSpec, type SpecInput } from "../../spec/index.ts";
import { createTraining, type Training, type TrainingInput, trainingSchema } from "../../train/index.ts";

const attention = { kind: "attention", heads: 2, kvHeads: 1, positions: { kind: "rope" } } as const;

/** One small model of each family of architectures. */
export const families: Readonly<Record<string, Omit<SpecInput, "name" | "width" | "embedding">>> = {
  llama: { layers: [{ mixer: attention, channel: { kind: "swiglu" } }] },
  "mamba-2": { layers: [{ mixer: { kind: "mamba-2", heads: 2, state: 8 } }] },
  "gated-deltanet": {
    layers: [{ mixer: { kind: "gated-deltanet", heads: 2 }, channel: { kind: "swiglu" } }],
  },
  mlstm: { layers: [{ mixer: { kind: "mlstm", heads: 2 } }] },
  lstm: { layers: [{ mixer: { kind: "lstm" } }] },
  cfc: { layers: [{ mixer: { kind: "cfc" } }] },
  mixtral: { layers: [{ mixer: attention, channel: { kind: "moe", experts: 4, topK: 2 } }] },
  llada: {
    layers: [{ mixer: { ...attention, causal: false }, channel: { kind: "swiglu" } }],
    objective: { kind: "masked-diffusion" },
  },
};

const tokens = 19;
const optimizer: TrainingInput["optimizer"] = { kind: "adamw", learningRate: 0.01 };

/** A short training, the same whatever the engine. */
export function startFamily(engine: Engine, family: string, steps: number): Promise<Training> {
  const spec = canonicalSpec({ name: family, width: 16, embedding: { kind: "token" }, ...families[family]! });
  const rng = createRng(7);
  const ids = Int32Array.from({ length: 600 }, (_, i) => (i % 7) + Math.floor((tokens - 7) * rng.uniform()));
  const config = trainingSchema.parse({ steps, batch: 2, length: 12, optimizer });
  return createTraining(engine, buildSpec(spec, { tokens }), { ids, config });
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
