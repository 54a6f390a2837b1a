import { expect, test } from "vitest";
import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { mixedAttention } from "./mixed-attention.ts";
import { cut, dot, range, sum, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<ReturnType<typeof mixedAttention.config.parse>, ReturnType<typeof mixedAttention.dims>>;

/** Jiang et al. 2020, eq. 1 and 5 to 7, one token at a time. */
function sequence(x: number[][], { p, d }: { p: Readonly<Record<string, Loose>>; d: At["d"] }): number[][] {
  const { D, H, K, W } = d;
  const heads = x.map((token) => cut(times(token, p.qkv!, p.qkvBias), 3 * H));
  const values = x.map((token) => times(token, p.values!, p.valuesBias));
  const softmax = (z: number[]) => z.map((v) => Math.exp(v) / sum(z.map(Math.exp)));
  return x.map((_, t) => {
    const near = range(W).map((j) => t + j - (W - 1) / 2);
    const wide = range(D).map((i) => sum(near.map((s, j) => p.spanTaps![i]![j]! * (x[s]?.[i] ?? 0))));
    const q = heads[t]!.slice(0, H).flat();
    const joint = times(wide, p.span!, p.spanBias).map((v, i) => v * q[i]!);
    const kernels = cut(times(joint, p.kernel!, p.kernelBias), H).map(softmax);
    const attended = range(H).flatMap((h) => {
      const weights = softmax(heads.map((one) => dot(heads[t]![h]!, one[H + h]!) / Math.sqrt(K)));
      return range(K).map((i) => sum(heads.map((one, s) => weights[s]! * one[2 * H + h]![i]!)));
    });
    const convolved = range(H * K).map((f) =>
      sum(near.map((s, j) => kernels[Math.floor(f / K)]![j]! * (values[s]?.[f] ?? 0))),
    );
    return times([...attended, ...convolved], p.out!, p.outBias);
  });
}

mixerSuite(mixedAttention, {
  configs: [
    { heads: 2, kernel: 3 },
    { heads: 1, headSize: 3, kernel: 5, bias: false },
  ],
  width: 8,
  naive: ({ x, p, d }: At) => ({ y: x.map((rows) => sequence(rows, { d, p: p as Readonly<Record<string, Loose>> })) }),
});

test("kernels have a middle", () => {
  expect(() => mixedAttention.config.parse({ kernel: 4 })).toThrow("odd number of taps");
});
