/** A process that trains a Transformer for some steps and prints its peak resident bytes over those before the engine began. */
import { createNodeEngine, peakResidentBytes } from "../engine/index.ts";
import { buildSpec, canonicalSpec } from "../spec/index.ts";
import { createTraining, trainingSchema } from "./index.ts";

const settings = JSON.parse(process.argv[2]!) as object;
const wiring = JSON.parse(process.argv[3] ?? "{}") as object;
const layer = { mixer: { kind: "attention", heads: 4, weightDropout: 0.1 }, channel: { kind: "swiglu" } };
const spec = canonicalSpec({ name: "m", width: 64, layers: Array.from({ length: 8 }, () => layer), ...wiring });
const built = buildSpec(spec, { tokens: 64 });
const ids = Int32Array.from({ length: 40_000 }, (_, i) => (i * i) % 61);
const config = trainingSchema.parse({ steps: 3, batch: 8, length: 256, ...settings });
const engine = createNodeEngine({ threads: 2 });
const before = process.memoryUsage().rss;
const training = await createTraining(engine, built, { ids, config });
const losses: number[] = [];
for (let i = 0; i < config.steps; i++) losses.push((await training.advance()).loss);
await engine.close();
console.log(JSON.stringify({ bytes: peakResidentBytes() - before, losses }));
