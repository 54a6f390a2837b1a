/** A process that does one training step over a long sequence and prints its peak resident bytes, its seconds and its loss. */
import { createNodeEngine, peakResidentBytes } from "../../src/engine/index.ts";
import { buildSpec, canonicalSpec } from "../../src/spec/index.ts";
import { createTraining, trainingSchema } from "../../src/train/index.ts";

const { length, width, heads, threads } = JSON.parse(process.argv[2]!) as Record<string, number>;
const layer = { mixer: { kind: "attention", heads }, channel: { kind: "mlp" } };
const built = buildSpec(canonicalSpec({ name: "long", width, layers: [layer] }), { tokens: 256 });
const ids = Int32Array.from({ length: 2 * length! + 2 }, (_, i) => (i * i) % 251);
const config = trainingSchema.parse({ steps: 1, batch: 1, length });
const engine = createNodeEngine({ threads: threads! });
const start = performance.now();
const training = await createTraining(engine, built, { ids, config });
const compiled = performance.now();
const { loss } = await training.advance();
const end = performance.now();
await engine.close();
const seconds = { compile: (compiled - start) / 1000, step: (end - compiled) / 1000 };
console.log(JSON.stringify({ length, peakBytes: peakResidentBytes(), seconds, loss }));
