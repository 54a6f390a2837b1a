import { expect, test } from "vitest";
import { vjp } from "../grad/index.ts";
import { createRng, pixelShuffle, resize, toImage } from "../ops/index.ts";
import { canonicalSpec, type SpecInput } from "../spec/index.ts";
import { input, scalar, type Tensor } from "../tensor/index.ts";
import { nativeEngine } from "../testing/index.ts";
import { evaluationIo, inputSource } from "../train/index.ts";
import { createOptimizer, optimizerSchema } from "../train/optimizers/index.ts";
import { buildModel } from "./build.ts";
import { initialise } from "./initialise.ts";

const [batch, side] = [8, 16];
const coarse = side / 2;

const channel = { kind: "mlp", hidden: 24 };
const hybrid = (shift: number) => ({
  channel,
  mixer: {
    kind: "beside",
    mixer: { kind: "window-attention", heads: 2, window: 4, shift },
    other: { kind: "cab", squeeze: 4 },
    weight: 0.1,
  },
});

/** HAT in small: two hybrid attention blocks and one of overlapping cross-attention; each cell answers with the four it becomes. */
const hat = {
  name: "hat",
  width: 12,
  embedding: { kind: "features", size: 1, grid: [coarse, coarse], kernel: 3 },
  defaults: { norm: { kind: "layernorm" } },
  layers: [hybrid(0), hybrid(2), { mixer: { kind: "window-attention", heads: 2, window: 4, overlap: 0.5 }, channel }],
  head: { kind: "lm", tied: false },
} as unknown as SpecInput;

/** Each cell the mean of four: [count · coarse²]. */
function shrunk(fine: Float32Array, count: number): Float32Array {
  return Float32Array.from({ length: count * coarse * coarse }, (_, i) => {
    const [image, row, column] = [Math.floor(i / coarse ** 2), Math.floor(i / coarse) % coarse, i % coarse];
    const at = (dy: number, dx: number) => fine[(image * side + 2 * row + dy) * side + 2 * column + dx]!;
    return (at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1)) / 4;
  });
}

/** Bars with steep edges of one step, 6 to 10 cells apart in any direction, none of which comes twice. */
function pictures(step: number) {
  const rng = createRng(step);
  const drawn = Array.from({ length: batch }, () => ({
    angle: Math.PI * rng.uniform(),
    wave: (2 * Math.PI) / (6 + 4 * rng.uniform()),
    phase: 2 * Math.PI * rng.uniform(),
  }));
  const fine = Float32Array.from({ length: batch * side * side }, (_, i) => {
    const { angle, wave, phase } = drawn[Math.floor(i / side ** 2)]!;
    const [row, column] = [Math.floor(i / side) % side, i % side];
    return Math.tanh(5 * Math.sin(wave * (row * Math.cos(angle) + column * Math.sin(angle)) + phase));
  });
  return { fine, small: shrunk(fine, batch) };
}

const squaredError = (said: Tensor, fine: Tensor): Tensor => said.sub(fine).square().mean();
const decibels = (error: number): number => 10 * Math.log10(4 / error);

test("[hat] twice as fine textures, each seen for the first time, come nearer than by bicubic interpolation", async () => {
  const model = buildModel(canonicalSpec(hat), { vocabulary: 4 });
  const source = inputSource();
  const [small, fine] = [input("small", [batch, coarse ** 2, 1]), input("fine", [batch, side ** 2, 1])];
  const image = small.reshape([batch, coarse, coarse]);
  const cubic = [1, 2].reduce((x, axis) => resize(x, axis, { length: side, mode: "cubic" }), image);
  const interpolated = cubic.reshape([batch, side ** 2, 1]);
  const { logits } = model.forward(small, { source, io: evaluationIo() });
  const detail = pixelShuffle(toImage(logits, [coarse, coarse]), 2).reshape(interpolated.shape);
  const loss = squaredError(interpolated.add(detail), fine);
  const leaves = [...source.leaves.entries()];
  const gradients = vjp(
    [loss],
    [scalar(1)],
    leaves.map(([, leaf]) => leaf),
  );
  const optimizer = createOptimizer(optimizerSchema.parse({ learningRate: 1e-2, weightDecay: 0 }));
  const values = initialise(model, 1);
  const trainer = await nativeEngine().trainer({
    program: {
      outputs: {
        loss,
        bicubic: squaredError(interpolated, fine),
        ...Object.fromEntries(leaves.map(([path], i) => [`grad:${path}`, gradients[i] as Tensor])),
      },
    },
    parameters: [...model.parameters].map(([name, declaration]) => ({
      ...{ name, shape: declaration.shape, value: values.get(name)! },
      ...optimizer.of(declaration),
    })),
    rule: optimizer.of({ role: "matrix" }).rule,
    clipNorm: 1,
  });
  const errors: { loss: number; bicubic: number }[] = [];
  for (let step = 1; step <= 80; step++) {
    const { outputs } = await trainer.step([pictures(step)], optimizer.scalarsAt(step));
    errors.push({ loss: outputs["loss"]!, bicubic: outputs["bicubic"]! });
  }
  await trainer.dispose();
  const last = errors.slice(-10);
  const mean = (of: "loss" | "bicubic") => decibels(last.reduce((sum, error) => sum + error[of], 0) / last.length);
  expect(mean("loss")).toBeGreaterThan(mean("bicubic") + 3);
}, 60_000);
