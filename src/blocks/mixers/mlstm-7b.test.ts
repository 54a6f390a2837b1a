import type { Tensor } from "../../tensor/index.ts";
import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { mlstm7b } from "./mlstm-7b.ts";
import { affine, normalised, overTime, sigmoid, zerosOf } from "./rnn-naive.ts";

type Config = ReturnType<typeof mlstm7b.config.parse>;
type Arguments = NaiveMixerArguments<
  Config,
  ReturnType<typeof mlstm7b.dims>,
  ReturnType<typeof mlstm7b.params>,
  ReturnType<typeof mlstm7b.state>
>;

/** The source's stabilised recurrence, step by step. */
function naive({ x, p, c, d: { H, K, V }, s }: Arguments) {
  return overTime(x, {
    given: s as Record<string, Loose> | undefined,
    start: {
      C: Array.from({ length: H }, () => Array.from({ length: K }, () => zerosOf(V))),
      n: Array.from({ length: H }, () => zerosOf(K)),
      m: zerosOf(H),
    },
    step: (token, state) => {
      const [q, k, v] = [affine(token, p.q, p.qBias), affine(token, p.k, p.kBias), affine(token, p.v, p.vBias)];
      const gates = affine(token, p.gates, p.gatesBias).map((gate) => c.gateCap * Math.tanh(gate / c.gateCap));
      const heads = Array.from({ length: H }, (_, h) => {
        const own = (values: number[], size: number, scale = 1) =>
          values.slice(h * size, (h + 1) * size).map((value) => value * scale);
        const [qh, kh, vh] = [own(q, K, K ** -0.5), own(k, K), own(v, V)];
        const kept = Math.log(sigmoid(gates[H + h]!)) + state.m[h]!;
        const m = Math.max(kept, gates[h]!);
        const [forget, input] = [Math.exp(kept - m), Math.exp(gates[h]! - m)];
        const C = state.C[h]!.map((row, i) => row.map((value, j) => forget * value + input * kh[i]! * vh[j]!));
        const n = state.n[h]!.map((value, i) => forget * value + input * kh[i]!);
        const size = Math.abs(n.reduce((sum, value, i) => sum + value * qh[i]!, 0));
        const out = affine(qh, C).map((value) => value / (Math.max(size, Math.exp(-m)) + c.epsilon));
        return { C, n, m, out };
      });
      const normed = heads
        .flatMap(({ out }) => normalised(out, c.normEpsilon))
        .map((value, j) => value * p.norm[j]! + (p.normBias?.[j] ?? 0));
      const open = affine(token, p.outputGate, p.outputGateBias).map(sigmoid);
      const y = affine(
        normed.map((value, j) => value * open[j]!),
        p.out,
        p.outBias,
      );
      return { y, s: { C: heads.map(({ C }) => C), n: heads.map(({ n }) => n), m: heads.map(({ m }) => m) } };
    },
  });
}

const canonical = ({ m, C, n }: Readonly<Record<string, Tensor>>) => ({
  n: n!.mul(m!.exp().unsqueeze(2)),
  C: C!.mul(m!.exp().unsqueeze(2).unsqueeze(3)),
});

mixerSuite(mlstm7b, {
  configs: [{ normEpsilon: 0.05 }, { heads: 2, keySize: 3, valueSize: 5, bias: true, epsilon: 0.1, gateCap: 3 }],
  naive,
  canonical,
  algorithmic: ["chunk"],
});
