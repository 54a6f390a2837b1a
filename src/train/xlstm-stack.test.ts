import { expect, test } from "vitest";
import { fitTokenizer, loadCorpus, splitCorpus } from "../data/index.ts";
import { buildSpec, loadSpec } from "../spec/index.ts";
import { textDataset } from "../tasks/index.ts";
import { nativeEngine } from "../testing/index.ts";
import { createTraining, trainingSchema } from "./index.ts";

test("[xlstm-stack] the published preset has seven mLSTM blocks, projected up before, to each sLSTM block, projected up after", () => {
  const { layers } = loadSpec("published/xlstm");
  const kinds = layers.map(({ mixer }) => mixer.kind);
  expect(kinds.filter((kind) => kind === "mlstm")).toHaveLength(7 * kinds.filter((kind) => kind === "slstm").length);
  for (const { mixer, channel } of layers) expect(channel.kind).toBe(mixer.kind === "mlstm" ? "none" : "swiglu");
});

test("[xlstm-stack] a tiny stack learns to predict characters better than by their frequencies", async () => {
  const corpus = await loadCorpus("builtin");
  const split = splitCorpus(corpus);
  const dataset = textDataset({
    ...{ name: corpus.name, split },
    tokenizer: fitTokenizer(split.train.text, { kind: "char" }),
  });
  const built = buildSpec(loadSpec("tiny/xlstm"), { tokens: dataset.tokens });
  const optimizer = { kind: "adamw", learningRate: 0.005 } as const;
  const config = trainingSchema.parse({ steps: 60, batch: 8, length: 24, optimizer });
  const training = await createTraining(nativeEngine(), built, { config, batches: dataset.batches(built, config) });
  const losses: number[] = [];
  while (training.step < config.steps) losses.push((await training.advance()).loss);
  await training.dispose();
  expect(losses[0]).toBeGreaterThan(3.5);
  // The entropy of the characters' frequencies is 3.06 nats.
  expect(losses.slice(-10).reduce((a, b) => a + b) / 10).toBeLessThan(2.9);
});
