/** A process that does many training steps of a tiny model and prints its resident bytes, and what its engine holds, along the way. */
import { createNodeEngine } from "../../src/engine/index.ts";
import { buildSpec, canonicalSpec } from "../../src/spec/index.ts";
import { createTraining, trainingSchema } from "../../src/train/index.ts";

const { steps, every } = JSON.parse(process.argv[2]!) as { steps: number; every: number };
const layer = { mixer: { kind: "attention", heads: 2 }, channel: { kind: "swiglu" } };
const built = buildSpec(canonicalSpec({ name: "tiny", width: 16, dropout: 0.1, layers: [layer, layer] }), {
  tokens: 61,
});
const ids = Int32Array.from({ length: 4000 }, (_, i) => (i * i) % 61);
const config = trainingSchema.parse({ steps, batch: 4, length: 16, stepsPerCall: 10, accumulate: 2 });
const engine = createNodeEngine({ threads: 2 });
const training = await createTraining(engine, built, { ids, config });
const samples: { step: number; residentBytes: number; held: unknown }[] = [];
while (training.step < steps) {
  await training.advanceBy(10);
  if (training.step % every !== 0) continue;
  globalThis.gc?.();
  samples.push({ step: training.step, residentBytes: process.memoryUsage().rss, held: await engine.usage() });
}
await engine.close();
console.log(JSON.stringify(samples));
