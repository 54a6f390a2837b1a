/** Naive dense convolutions over time, and how far a stack of layers reaches. */
import type { Loose } from "../../testing/index.ts";

interface Convolution {
  x: readonly (readonly (readonly number[])[])[];
  weight: Loose;
  bias: Loose;
  taps: number;
  dilation: number;
  causal: boolean;
  /** [B][D][R], the inputs before the first. */
  past: Loose | undefined;
}

export function naiveConvolution({ x, weight, bias, taps, dilation, causal, past }: Convolution) {
  const reach = (taps - 1) * dilation;
  const first = causal ? reach : reach / 2;
  const last: number[][][] = [];
  const rows = x.map((tokens, b) => {
    const width = tokens[0]!.length;
    const before = (t: number, i: number): number => (past ? past[b]![i]![t + reach]! : 0);
    const at = (t: number, i: number): number => (t < 0 ? (causal ? before(t, i) : 0) : (tokens[t]?.[i] ?? 0));
    const channels = Array.from({ length: width }, (_, i) => i);
    last.push(channels.map((i) => Array.from({ length: reach }, (_, r) => at(tokens.length - reach + r, i))));
    return tokens.map(
      (_, t) =>
        bias.map((offset: number, f: number) => {
          let sum = offset;
          for (let j = 0; j < taps; j++)
            for (const i of channels) sum += weight[j * width + i]![f]! * at(t - first + j * dilation, i);
          return sum;
        }) as number[],
    );
  });
  return { rows, s: causal ? { past: last } : {} };
}
