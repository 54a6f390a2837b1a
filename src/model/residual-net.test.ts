import { expect, test } from "vitest";
import type { Batches } from "../data/index.ts";
import { buildSpec, canonicalSpec, type SpecInput } from "../spec/index.ts";
import { nativeEngine } from "../testing/index.ts";
import { createTraining, trainingSchema } from "../train/index.ts";
import { stripes } from "./pictures.fixture.ts";

const [batch, side, directions] = [16, 8, 4];

/** Of 20 layers with weights in a line: a convolution, 9 blocks of two, and the map to classes. */
const net = (shortcut: "pad" | "none"): SpecInput => ({
  name: "net",
  width: 8,
  embedding: {
    kind: "features",
    size: 1,
    grid: [side, side],
    kernel: 3,
    bias: false,
    norm: { kind: "batchnorm", activation: "relu" },
  },
  defaults: { norm: { kind: "none" }, placement: "none", residual: { kind: "rectified", shortcut } },
  layers: [
    { mixer: { kind: "resnet-block" }, repeat: 3 },
    { mixer: { kind: "resnet-block", stride: 2, widen: 2 } },
    { mixer: { kind: "resnet-block" }, repeat: 5 },
  ],
  head: { kind: "classes", classes: directions },
  objective: { kind: "classification" },
});

const pictures: Batches = {
  shapes: [{ batch, length: side * side }],
  position: (step) => ({ step }),
  resume: () => 0,
  batch(step) {
    const { noisy, directions: targets } = stripes(step, { count: batch, side, directions, noise: 0.3 });
    return { arrays: { inputs: noisy, targets }, shape: 0, epoch: 0 };
  },
};

/** Mean loss of the last 10 of 60 steps. */
async function trained(spec: SpecInput, seed: number): Promise<number> {
  const built = buildSpec(canonicalSpec(spec), { tokens: 1 });
  const config = trainingSchema.parse({
    ...{ steps: 60, batch, length: side * side, seed },
    optimizer: { learningRate: 3e-3, weightDecay: 0 },
  });
  const training = await createTraining(nativeEngine(), built, { batches: pictures, config });
  const records = await training.advanceBy(config.steps);
  await training.dispose();
  return records.slice(-10).reduce((sum, { loss }) => sum + loss, 0) / 10;
}

test("[resnet] of 20 layers over pictures, those with shortcuts reach a lower training loss than the plain ones", async () => {
  const [residual, plain] = [await trained(net("pad"), 1), await trained(net("none"), 1)];
  expect(residual).toBeLessThan(0.5 * plain);
}, 60_000);
