import { expect, test } from "vitest";
import { causalConv } from "../../ops/index.ts";
import {
  drawParameters,
  mixerSuite,
  type NaiveMixerArguments,
  plainIo,
  randomNormal,
  run,
  weightsFrom,
} from "../../testing/index.ts";
import { fsmn } from "./fsmn.ts";
import { range, sum, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof fsmn.config.parse>,
  ReturnType<typeof fsmn.dims>,
  ReturnType<typeof fsmn.params>,
  ReturnType<typeof fsmn.state>
>;

/** Zhang et al. 2018, eq. 4, token by token; `stored` [P][N·s₁]. */
function sequence(x: number[][], { p, c, d }: Pick<At, "p" | "c" | "d">, stored: number[][] | undefined) {
  const reach = c.past * c.pastStride;
  const before = range(reach).map((t) => range(d.P).map((i) => stored?.[i]?.[t] ?? 0));
  const all = [...before, ...x.map((token) => times(token, p.in, p.inBias))];
  const at = (t: number, i: number) => all[t + reach]?.[i] ?? 0;
  const y = x.map((_, t) => {
    const remembered = range(d.P).map((i) => {
      const earlier = range(c.past + 1).map((n) => p.behind[i]![n]! * at(t - c.pastStride * n, i));
      const later = range(c.future).map((m) => p.ahead![i]![m]! * at(t + c.futureStride * (m + 1), i));
      return at(t, i) + sum(earlier) + sum(later);
    });
    return times(remembered, p.out, p.outBias);
  });
  return { y, before: range(d.P).map((i) => all.slice(all.length - reach).map((row) => row[i]!)) };
}

mixerSuite(fsmn, {
  configs: [
    { past: 2 },
    { past: 2, pastStride: 3, hidden: 3 },
    { past: 1, future: 2, futureStride: 2 },
    { past: 3, future: 1, pastStride: 2 },
  ],
  width: 4,
  naive: ({ x, p, c, d, s }: At) => {
    const results = x.map((rows, b) => sequence(rows, { p, c, d }, s?.before?.[b] as number[][] | undefined));
    return { y: results.map(({ y }) => y), s: c.future === 0 ? { before: results.map(({ before }) => before) } : {} };
  },
});

test("[fsmn] the memory is a depthwise convolution whose nearest tap is one more, and the parallel form the loop's", () => {
  const [D, T] = [4, 12];
  const c = fsmn.config.parse({ past: 3 });
  const d = fsmn.dims(c, D);
  const eye = { shape: [D, D], data: Float64Array.from(range(D * D), (n) => (n % (D + 1) === 0 ? 1 : 0)) };
  const none = { shape: [D], data: new Float64Array(D) };
  const { behind } = drawParameters(fsmn.params(d, c));
  const inputs = { x: randomNormal("x", [2, T, D]), in: eye, inBias: none, behind: behind!, out: eye, outBias: none };
  const { memory, convolution, steps } = run({
    inputs,
    build: ({ x, ...at }) => {
      const p = weightsFrom(at) as never;
      const context = { c, d, p, b: {}, io: plainIo("eval") };
      // Taps in the order of time, the present last.
      const kernel_CK = at.behind!.flip(1).add(identityTap(at.behind!));
      const { y_CBT } = causalConv({ x_CBT: x!.transpose([2, 0, 1]), kernel_CK });
      let s = { before: x!.slice(1, 0, 3).transpose([0, 2, 1]).mul(0) };
      const ys = range(T).map((t) => {
        const one = fsmn.step!(x!.at(1, t), { ...context, s });
        s = one.s as typeof s;
        return one.y.unsqueeze(1);
      });
      return {
        memory: fsmn.forward(x!, { ...context, s: {} }).y,
        convolution: y_CBT.transpose([1, 2, 0]),
        steps: ys.slice(1).reduce((all, y) => all.pad(1, 0, 1).add(y.pad(1, all.dim(1), 0)), ys[0]!),
      };
    },
  });
  expect(memory!).toBeAllclose(convolution!, { tolerance: 1e-12 });
  expect(steps!).toBeAllclose(memory!, { tolerance: 1e-12 });
});

/** 1 at the last tap. */
function identityTap(taps: Parameters<typeof causalConv>[0]["kernel_CK"]) {
  const one = taps.slice(1, 0, 1).mul(0).add(1);
  return one.pad(1, taps.dim(1) - 1, 0);
}
