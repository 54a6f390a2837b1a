/** A model as typed data, trained for some seconds on the embedded text; then it writes. */
import {
  buildSpec,
  canonicalSpec,
  createGenerator,
  createNodeEngine,
  createTraining,
  fitTokenizer,
  loadCorpus,
  type SpecInput,
  splitCorpus,
  trainingSchema,
} from "seqlab";

const spec: SpecInput = {
  name: "small-lstm",
  width: 96,
  defaults: { norm: { kind: "none" }, residual: { kind: "none" } },
  layers: [{ repeat: 2, mixer: { kind: "lstm" } }],
};

const { train } = splitCorpus(await loadCorpus("builtin"));
const tokenizer = fitTokenizer(train.text, { kind: "char" });
const engine = createNodeEngine();
const model = buildSpec(canonicalSpec(spec), { tokens: tokenizer.size });
const config = trainingSchema.parse({ steps: 100, batch: 8, length: 64, optimizer: { learningRate: 1e-2 } });
const training = await createTraining(engine, model, { ids: tokenizer.encode(train.text), config });
for (let step = 1; step <= config.steps; step++) {
  const { loss } = await training.advance();
  if (step % 20 === 0) console.log(`step ${step}: ${loss.toFixed(3)} nats per character`);
}

const { tokens } = await createGenerator(engine, model).generate({
  prompt: tokenizer.encode("The whale "),
  tokens: 80,
});
console.log(`The whale ${tokenizer.decode(tokens)}`);
await engine.close();
