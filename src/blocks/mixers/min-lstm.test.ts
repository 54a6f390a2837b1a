import { mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { minLstm } from "./min-lstm.ts";
import { affine, overTime, sigmoid, zerosOf } from "./rnn-naive.ts";

function naive({
  x,
  p,
  d,
  s,
}: NaiveMixerArguments<Record<string, unknown>, { I: number }, ReturnType<typeof minLstm.params>>) {
  return overTime(x, {
    given: s,
    start: { h: zerosOf(d.I) },
    step: (token, { h }) => {
      const [a, f, i] = [
        affine(token, p.candidate),
        affine(token, p.forget).map(sigmoid),
        affine(token, p.input).map(sigmoid),
      ];
      const next = h.map((last, j) => {
        const [forget, input] = [f[j]! / (f[j]! + i[j]!), i[j]! / (f[j]! + i[j]!)];
        return forget * last + input * (a[j]! < 0 ? sigmoid(a[j]!) : a[j]! + 0.5);
      });
      return { y: p.out ? affine(next, p.out) : next, s: { h: next } };
    },
  });
}

mixerSuite(minLstm, { configs: [{}, { inner: 10 }], naive });
