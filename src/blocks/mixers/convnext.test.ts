import { mixerSuite } from "../../testing/index.ts";
import { naiveActivations } from "../channels/activations-naive.ts";
import { convnext } from "./convnext.ts";
import { convolveCells, type Kernel } from "./grid-naive.ts";
import { range, sum, times } from "./plain-loops.ts";

function normed(token: number[], gain: number[], bias: number[]): number[] {
  const mean = sum(token) / token.length;
  const variance = sum(token.map((v) => (v - mean) ** 2)) / token.length;
  return token.map((v, i) => ((v - mean) / Math.sqrt(variance + 1e-6)) * gain[i]! + bias[i]!);
}

mixerSuite(convnext, {
  configs: [
    { columns: 3, kernel: 3, ratio: 2 },
    { columns: 2, kernel: 5, ratio: 2, response: true },
  ],
  width: 4,
  naive: ({ x, p: weights, c, d }) => {
    const p = weights as unknown as Record<string, number[] & number[][]>;
    return {
      y: x.map((tokens) => {
        const grid = { rows: Math.ceil(tokens.length / c.columns), columns: c.columns };
        const options = { ...grid, groups: d.D, bias: p.kernelBias };
        const near = convolveCells(tokens, p.kernel as unknown as Kernel, options).slice(0, tokens.length);
        const hidden = near.map((token) =>
          times(normed(token, p.normGain!, p.normBias!), p.up!, p.upBias).map(naiveActivations.gelu!),
        );
        const sizes = range(d.F).map((f) => Math.hypot(...hidden.map((token) => token[f]!)));
        const mean = sum(sizes) / d.F + 1e-6;
        const compete = (v: number, f: number) =>
          c.response ? v + p.responseBias![f]! + (p.responseGain![f]! * v * sizes[f]!) / mean : v;
        return hidden.map((token) => times(token.map(compete), p.down!, p.downBias));
      }),
    };
  },
});
