import { describe, expect, test } from "vitest";
import { buildSpec, canonicalSpec } from "../../spec/index.ts";
import {
  channelSuite,
  type NaiveTokensArguments,
  nativeEngine,
  plainIo,
  randomNormal,
  randomUniform,
  run,
  type Subject,
  weightsFrom,
} from "../../testing/index.ts";
import { createTraining, trainingSchema } from "../../train/index.ts";
import { batchnorm } from "./batchnorm.ts";

type Arguments = Pick<NaiveTokensArguments<{ epsilon: number; activation: "none" | "relu" }>, "x" | "c"> & {
  p: Record<"gain" | "bias", number[]>;
};

/** In evaluation, with buffers at their start: mean 0, variance 1. */
channelSuite(
  { ...batchnorm, capabilities: batchnorm.capabilities! },
  {
    configs: [{}, { momentum: 0.5, epsilon: 1e-3 }, { activation: "relu" }],
    naive: ({ x, p, c }: Arguments) => ({
      y: x.map((row) =>
        row.map((token) =>
          token.map((v, i) => {
            const y = (v / Math.sqrt(1 + c.epsilon)) * p.gain[i]! + p.bias[i]!;
            return c.activation === "relu" ? Math.max(0, y) : y;
          }),
        ),
      ),
    }),
  },
);

const D = 6;
const inputs = {
  x: randomNormal("batch", [4, 5, D], 3),
  gain: randomNormal("gain", [D]),
  bias: randomNormal("bias", [D]),
  mean: randomNormal("mean", [D]),
  varianceLessOne: randomUniform("variance", [D], [-0.5, 2]),
};

function normed(mode: "train" | "eval"): Subject {
  const c = batchnorm.config.parse({});
  return {
    inputs,
    build: ({ x, gain, bias, mean, varianceLessOne }) => {
      const p = weightsFrom({ gain: gain!, bias: bias! }) as Parameters<typeof batchnorm.forward>[1]["p"];
      const b = { mean: mean!, varianceLessOne: varianceLessOne! };
      const { y, buffers = {} } = batchnorm.forward(x!, { c, d: { D }, p, b, io: plainIo(mode) });
      return { y, ...buffers };
    },
  };
}

const column = (data: ArrayLike<number>, d: number) => Array.from(data).filter((_, i) => i % D === d);
const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;

describe("[batchnorm]", () => {
  test("[batchnorm] training norms by the batch and moves the running statistics, evaluation uses and keeps them", () => {
    const { y, ...buffers } = run(normed("train"));
    for (let d = 0; d < D; d++) {
      const out = column(y!.data, d).map((v) => (v - inputs.bias.data[d]!) / inputs.gain.data[d]!);
      expect(mean(out)).toBeCloseTo(0, 10);
      expect(mean(out.map((v) => v * v))).toBeCloseTo(1, 4);
      const seen = column(inputs.x.data, d);
      const centre = mean(seen);
      const unbiased = seen.reduce((sum, v) => sum + (v - centre) ** 2, 0) / (seen.length - 1);
      expect(buffers.mean!.data[d]).toBeCloseTo(0.9 * inputs.mean.data[d]! + 0.1 * centre, 10);
      expect(buffers.varianceLessOne!.data[d]! + 1).toBeCloseTo(
        0.9 * (inputs.varianceLessOne.data[d]! + 1) + 0.1 * unbiased,
        10,
      );
    }
    const evaluated = run(normed("eval"));
    expect(Object.keys(evaluated)).toEqual(["y"]);
    expect(evaluated.y).not.toEqual(y);
  });

  test("[batchnorm] in evaluation it folds into the linear layer behind it", () => {
    const F = 7;
    const linear = { up: randomNormal("up", [D, F]), upBias: randomNormal("up bias", [F]) };
    const { folded, apart } = run({
      inputs: { ...inputs, ...linear },
      build: (at) => {
        const scale = at.gain!.div(at.varianceLessOne!.add(1).add(1e-5).sqrt());
        const shift = at.bias!.sub(at.mean!.mul(scale));
        const through = (x: typeof scale, up: typeof scale, upBias: typeof scale) => x.matmul(up).add(upBias);
        return {
          folded: through(
            at.x!,
            at.up!.mul(scale.unsqueeze(1)),
            at.upBias!.add(shift.unsqueeze(0).matmul(at.up!).squeeze(0)),
          ),
          apart: through(normed("eval").build(at).y!, at.up!, at.upBias!),
        };
      },
    });
    expect(folded).toBeAllclose(apart!, { tolerance: 1e-12 });
  });

  test("[batchnorm] a trained model keeps its running statistics with the weights", async () => {
    const built = buildSpec(
      canonicalSpec({
        name: "normed",
        width: 8,
        defaults: { norm: { kind: "batchnorm" } },
        layers: [{ mixer: { kind: "gru" }, channel: { kind: "mlp" } }],
      }),
      { tokens: 5 },
    );
    const ids = Int32Array.from({ length: 200 }, (_, i) => (i * i) % 5);
    const config = trainingSchema.parse({ steps: 5, batch: 4, length: 8 });
    const training = await createTraining(nativeEngine(), built, { ids, config });
    for (let step = 0; step < 5; step++) await training.advance();
    const { weights } = await training.snapshot();
    await training.dispose();
    for (const path of ["layers.0.mixerNorm.mean", "layers.0.channelNorm.varianceLessOne", "norm.mean"])
      expect(
        Array.from(weights[path]!.data as Float32Array).some((v) => v !== 0),
        path,
      ).toBe(true);
  });
});
