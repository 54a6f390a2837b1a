import { describeModel } from "./analysis/cost.ts";
import { fitTokenizer, loadCorpus, splitCorpus } from "./data/index.ts";
import { createNodeEngine } from "./engine/index.ts";
import { buildSpec, loadSpec } from "./spec/index.ts";
import { createEvaluator, createTraining, trainingSchema } from "./train/index.ts";

const name = process.argv[2]!;
const steps = Number(process.argv[3] ?? 50);
const split = splitCorpus(await loadCorpus("builtin"));
const tok = fitTokenizer(split.train.text, { kind: "bpe", entries: 1024 });
const ids = tok.encode(split.train.text);
console.log("tokens", ids.length, "bytes/token", split.train.bytes / ids.length);
const spec = loadSpec(name);
const built = buildSpec(spec, { tokens: tok.size });
const d = describeModel(built);
console.log(d.parameters, d.flops, d.stateBytes);
const engine = createNodeEngine({ threads: Number(process.env.TH ?? 2) });
let t = performance.now();
const training = await createTraining(engine, built, {
  ids,
  config: trainingSchema.parse({ steps, batch: 16, length: 128 }),
});
console.log("compile", performance.now() - t);
t = performance.now();
for (let i = 0; i < steps; i++) {
  const r = await training.advance();
  if (i % Math.ceil(steps / 10) === 0 || i === steps - 1)
    console.log(
      r.step,
      r.loss.toFixed(4),
      r.gradNorm.toFixed(3),
      r.learningRate.toExponential(2),
      (r.tokens / ((performance.now() - t) / 1000)).toFixed(0) + " tok/s",
    );
}
const ev = await createEvaluator(engine, built, {
  text: { ids: tok.encode(split.validation.text), bytes: split.validation.bytes },
  shape: { batch: 16, length: 128 },
});
t = performance.now();
console.log(await ev.run(), performance.now() - t);
await engine.close();
