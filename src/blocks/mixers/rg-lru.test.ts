import { mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { rgLru } from "./rg-lru.ts";
import { affine, overTime, sigmoid, zerosOf } from "./rnn-naive.ts";

type Config = ReturnType<typeof rgLru.config.parse>;
type Arguments = NaiveMixerArguments<
  Config,
  ReturnType<typeof rgLru.dims>,
  ReturnType<typeof rgLru.params>,
  ReturnType<typeof rgLru.state>
>;

function naive({ x, p, c, d: { W, H, K }, s }: Arguments) {
  const headwise = (u: number[], w: readonly (readonly (readonly number[])[])[], b: readonly number[]) =>
    Array.from({ length: H }, (_, h) => affine(u.slice(h * K, (h + 1) * K), w[h]!))
      .flat()
      .map((value, j) => sigmoid(value + b[j]!));
  return overTime(x, {
    given: s,
    start: { h: zerosOf(W), conv: Array.from({ length: W }, () => zerosOf(c.conv - 1)) },
    step: (token, { h, conv }, { t }) => {
      const branch = affine(token, p.recurrent, p.recurrentBias);
      const windows = conv.map((past, j) => [...past, branch[j]!]);
      const u = windows.map((taps, j) => taps.reduce((sum, value, k) => sum + value * p.conv[j]![k]!, p.convBias[j]!));
      const [r, i] = [headwise(u, p.decayGate, p.decayGateBias), headwise(u, p.inputGate, p.inputGateBias)];
      const next = h.map((last, j) => {
        if (t === 0 && s === undefined) return i[j]! * u[j]!;
        const a = Math.exp(-c.slowness * r[j]! * Math.log1p(Math.exp(p.decay[j]!)));
        return a * last + Math.sqrt(1 - a * a) * i[j]! * u[j]!;
      });
      const gate = affine(token, p.gelu, p.geluBias).map(tanhGelu);
      return {
        y: affine(
          next.map((value, j) => value * gate[j]!),
          p.out,
          p.outBias,
        ),
        s: { h: next, conv: windows.map((taps) => taps.slice(1)) },
      };
    },
  });
}

const tanhGelu = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

mixerSuite(rgLru, { configs: [{}, { heads: 2, inner: 12, conv: 2 }], naive });
