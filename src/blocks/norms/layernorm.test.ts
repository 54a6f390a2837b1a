import { expect, test } from "vitest";
import { layerNorm, ones, zeros } from "../../tensor/index.ts";
import { gradCheck, type NaiveTokensArguments, normSuite, randomNormal, run, sliceArray } from "../../testing/index.ts";
import { layernorm } from "./layernorm.ts";

type Arguments = Pick<NaiveTokensArguments<{ epsilon: number }, unknown, { gain: 0; bias: 0 }>, "x" | "c"> & {
  p: { gain?: number[]; bias?: number[] };
};

const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;

const naive = ({ x, p, c }: Arguments) => ({
  y: x.map((row) =>
    row.map((token) => {
      const centre = mean(token);
      const deviation = Math.sqrt(mean(token.map((v) => (v - centre) ** 2)) + c.epsilon);
      return token.map((v, i) => ((v - centre) / deviation) * (p.gain?.[i] ?? 1) + (p.bias?.[i] ?? 0));
    }),
  ),
});

normSuite(layernorm, { configs: [{}, { bias: false }, { gain: false, bias: false, epsilon: 1e-3 }], naive });

const plain = (x: Parameters<typeof layerNorm>[0]) => layerNorm(x, ones([x.dim(-1)]), zeros([x.dim(-1)]), 1e-12);

test("[layernorm] every token has mean 0 and variance 1, the same bits in any batch, and gradients of central differences", () => {
  const x = randomNormal("layernorm", [6, 16], 3);
  const y = run({ inputs: { x }, build: (at) => ({ y: plain(at.x!) }) }).y!;
  for (let token = 0; token < 6; token++) {
    const row = [...y.data.subarray(token * 16, token * 16 + 16)];
    expect(mean(row)).toBeCloseTo(0, 12);
    expect(mean(row.map((v) => v * v))).toBeCloseTo(1, 9);
    const alone = run({ inputs: { x: sliceArray(x, 0, token, token + 1) }, build: (at) => ({ y: plain(at.x!) }) }).y!;
    expect([...alone.data]).toEqual(row);
  }
  gradCheck((at) => layerNorm(at.x!, at.gain!, at.bias!), {
    x,
    gain: randomNormal("gain", [16]),
    bias: randomNormal("bias", [16]),
  });
});
