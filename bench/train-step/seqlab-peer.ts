/** seqlab's side of the training-step bench: what `seqlab train` runs, with the peers' optimizer settings. */
import { readFileSync } from "node:fs";
import { createNodeEngine } from "../../src/engine/index.ts";
import { parameterCount } from "../../src/model/index.ts";
import { buildSpec, canonicalSpec } from "../../src/spec/index.ts";
import { createTraining, trainingSchema } from "../../src/train/index.ts";
import { adamW } from "../peers/adamw-rates.ts";
import { type NodePeer, runPeer, type Trainee } from "../peers/measured-run.ts";
import type { ModelSettings } from "./models.ts";

await runPeer(async (): Promise<NodePeer> => ({ name: () => "seqlab", build }));

async function build(
  settings: ModelSettings,
  { threads, ids }: { threads: number; ids: Int32Array },
): Promise<Trainee> {
  const engine = createNodeEngine({ threads });
  const built = buildSpec(specOf(settings), { tokens: settings.vocabulary });
  const training = await createTraining(engine, built, { ids, config: configOf(settings) });
  return {
    params: parameterCount(built.model.parameters),
    // The training draws its batches itself, from the same ids and with the same window length as the peers' batches.
    step: async () => (await training.advance()).loss,
    close: () => engine.close(),
  };
}

function specOf({ name }: ModelSettings) {
  return canonicalSpec(JSON.parse(readFileSync(new URL(`../specs/${name}.json`, import.meta.url), "utf8")));
}

/** As PyTorch's AdamW: every parameter decays, the rate is constant. */
function configOf({ batch, context }: ModelSettings) {
  return trainingSchema.parse({
    steps: 1_000_000,
    batch,
    length: context,
    optimizer: {
      learningRate: adamW.learning,
      beta1: adamW.beta1,
      beta2: adamW.beta2,
      epsilon: adamW.epsilon,
      weightDecay: adamW.decay,
      decayAll: true,
      clipNorm: adamW.clip,
    },
    schedule: { kind: "constant", warmupRatio: 0 },
  });
}
