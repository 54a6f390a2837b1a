import { expect, test } from "vitest";
import { layerNorm, ones, rmsNorm, type Tensor, zeros } from "../../tensor/index.ts";
import { type NaiveTokensArguments, normSuite, randomNormal, run } from "../../testing/index.ts";
import { rmsnorm } from "./rmsnorm.ts";

const naive = ({
  x,
  p,
  c,
}: Pick<NaiveTokensArguments<{ epsilon: number }>, "x" | "c"> & { p: { gain?: number[]; bias?: number[] } }) => ({
  y: x.map((row) =>
    row.map((token) => {
      const square = token.reduce((sum, v) => sum + v * v, 0) / token.length;
      return token.map((v, i) => (v / Math.sqrt(square + c.epsilon)) * (p.gain?.[i] ?? 1) + (p.bias?.[i] ?? 0));
    }),
  ),
});

normSuite(rmsnorm, { configs: [{}, { gain: false, epsilon: 1e-3 }, { bias: true }], naive });

const D = 8;
const plain = (x: Tensor) => rmsNorm(x, ones([D]), 1e-12);

test("[rmsnorm] it is layer norm on zero-mean input and commutes with rotations where the gain is 1", () => {
  const inputs = { x: randomNormal("rmsnorm", [5, D]), v: randomNormal("reflection", [D, 1]) };
  const results = run({
    inputs,
    build: ({ x, v }) => {
      const centred = x!.sub(x!.mean(-1, true));
      // I − 2vvᵀ/|v|² is orthogonal.
      const reflect = (t: Tensor) =>
        t.sub(
          t
            .matmul(v!)
            .mul(v!.transpose([1, 0]))
            .mul(2)
            .div(v!.square().sum()),
        );
      return {
        rms: plain(centred),
        layer: layerNorm(centred, ones([D]), zeros([D]), 1e-12),
        rotatedFirst: plain(reflect(x!)),
        rotatedAfter: reflect(plain(x!)),
      };
    },
  });
  expect(results.rms).toBeAllclose(results.layer!);
  expect(results.rotatedFirst).toBeAllclose(results.rotatedAfter!);
});
