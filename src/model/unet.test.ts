import { expect, test } from "vitest";
import { vjp } from "../grad/index.ts";
import { canonicalSpec, type SpecInput } from "../spec/index.ts";
import { input, scalar, type Tensor } from "../tensor/index.ts";
import { nativeEngine } from "../testing/index.ts";
import { evaluationIo, inputSource } from "../train/index.ts";
import { createOptimizer, optimizerSchema } from "../train/optimizers/index.ts";
import { buildModel } from "./build.ts";
import { initialise } from "./initialise.ts";
import type { Model } from "./model.ts";
import { stripes } from "./pictures.fixture.ts";

const [batch, side] = [8, 8];

/** Two grids down and up again, 8 to 32 features; a number for each cell at the end. */
const unet = (skips: boolean): SpecInput => {
  const block = { mixer: { kind: "resnet-block", norm: "none" }, residual: { kind: "rectified" } } as const;
  const down = { mixer: { kind: "conv2d", kernel: 2, stride: 2, widen: 2 }, residual: { kind: "none" } } as const;
  const up = { mixer: { kind: "transposed-conv2d", stride: 2, widen: 0.5 }, residual: { kind: "none" } } as const;
  return {
    name: "unet",
    width: 8,
    embedding: { kind: "features", size: 1, grid: [side, side], kernel: 3 },
    defaults: { norm: { kind: "none" }, placement: "none" },
    layers: [block, down, block, down, block, up, block, up, block],
    ...(skips && { history: { kind: "unet-skips", from: "resolution" } }),
    head: { kind: "lm", tied: false },
  };
};

const modelOf = (skips: boolean): Model => buildModel(canonicalSpec(unet(skips)), { vocabulary: 1 });

/** Pictures through the model: [B, T, 1], and what it read. */
function traced(model: Model) {
  const source = inputSource();
  const noisy = input("noisy", [batch, side * side, 1]);
  const { logits, probes } = model.forward(noisy, { source, io: evaluationIo() });
  return { source, logits, probes };
}

/** Mean squared error of the denoised pictures, in the last 10 of `steps` steps of AdamW. */
async function trained(skips: boolean, steps: number): Promise<number> {
  const model = modelOf(skips);
  const { source, logits } = traced(model);
  const loss = logits.sub(input("clean", logits.shape)).square().mean();
  const leaves = [...source.leaves.entries()];
  const gradients = vjp(
    [loss],
    [scalar(1)],
    leaves.map(([, leaf]) => leaf),
  );
  const optimizer = createOptimizer(optimizerSchema.parse({ learningRate: 3e-3, weightDecay: 0 }));
  const values = initialise(model, 1);
  const trainer = await nativeEngine().trainer({
    program: {
      outputs: { loss, ...Object.fromEntries(leaves.map(([path], i) => [`grad:${path}`, gradients[i] as Tensor])) },
    },
    parameters: [...model.parameters].map(([name, declaration]) => ({
      ...{ name, shape: declaration.shape, value: values.get(name)! },
      ...optimizer.of(declaration),
    })),
    rule: optimizer.of({ role: "matrix" }).rule,
    clipNorm: 1,
  });
  const losses: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const { noisy, clean } = stripes(step, { count: batch, side, directions: 8, noise: 0.5 });
    const { outputs } = await trainer.step([{ noisy, clean }], optimizer.scalarsAt(step));
    losses.push(outputs["loss"]!);
  }
  await trainer.dispose();
  return losses.slice(-10).reduce((a, b) => a + b) / 10;
}

test("[unet] the way up brings back the shapes of the way down, and joins what was left at each", () => {
  const { probes, logits } = traced(modelOf(true));
  const shapes = Array.from({ length: 9 }, (_, i) => probes[`layers.${i}.stream`]!.shape.slice(1));
  const [fine, middle, coarse] = [
    [64, 8],
    [16, 16],
    [4, 32],
  ];
  expect(shapes).toEqual([fine, middle, middle, coarse, coarse, middle, middle, fine, fine]);
  expect(logits.shape).toEqual([batch, side * side, 1]);
  const joins = [...modelOf(true).parameters].flatMap(([path, { shape }]) =>
    path.endsWith("join") ? [[path, shape]] : [],
  );
  expect(joins).toEqual([
    ["layers.6.history.join", [32, 16]],
    ["layers.8.history.join", [16, 8]],
  ]);
  expect(() => buildModel(canonicalSpec({ ...unet(false), history: { kind: "dense" } }), { vocabulary: 1 })).toThrow(
    /history: expected mixers that keep the stream's width and grid, as dense requires/,
  );
});

test("[unet] without its skips it denoises worse", async () => {
  const [whole, ablated] = [await trained(true, 80), await trained(false, 80)];
  expect(whole).toBeLessThan(0.7 * ablated);
}, 60_000);
