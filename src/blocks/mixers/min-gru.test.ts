import { expect, test } from "vitest";
import { linearScan } from "../../ops/index.ts";
import { concat, type Tensor } from "../../tensor/index.ts";
import { mixerSuite, type NaiveMixerArguments, randomNormal, randomUniform, run } from "../../testing/index.ts";
import { minGru } from "./min-gru.ts";
import { affine, overTime, sigmoid, zerosOf } from "./rnn-naive.ts";

function naive({
  x,
  p,
  d,
  s,
}: NaiveMixerArguments<Record<string, unknown>, { I: number }, ReturnType<typeof minGru.params>>) {
  return overTime(x, {
    given: s,
    start: { h: zerosOf(d.I) },
    step: (token, { h }) => {
      const [a, gate] = [affine(token, p.candidate), affine(token, p.gate).map(sigmoid)];
      const next = h.map((last, j) => (1 - gate[j]!) * last + gate[j]! * (a[j]! < 0 ? sigmoid(a[j]!) : a[j]! + 0.5));
      return { y: p.out ? affine(next, p.out) : next, s: { h: next } };
    },
  });
}

mixerSuite(minGru, { configs: [{}, { inner: 10 }], naive });

test("the recurrence in two levels equals the plain one, whatever the length", () => {
  for (const T of [1, 16, 17, 30]) {
    const inputs = {
      a: randomUniform("a", [3, 2, T], [-1, 1]),
      u: randomNormal("u", [3, 2, T]),
      h: randomNormal("h", [2, 3]),
    };
    const { actual, last, expected } = run({
      inputs,
      build: ({ a, u, h }) => {
        const result = linearScan({ a_CBT: a!, u_CBT: u!, h_BC: h });
        let state: Tensor = h!.transpose([1, 0]);
        const rows = Array.from({ length: T }, (_, t) => {
          state = a!.at(2, t).mul(state).add(u!.at(2, t));
          return state.unsqueeze(2);
        });
        return { actual: result.h_CBT, last: result.h_BC.transpose([1, 0]), expected: concat(2, rows) };
      },
    });
    expect(actual).toBeAllclose(expected!, { tolerance: 1e-12 });
    expect(last!.data).toEqual(actual!.data.filter((_, i) => i % T === T - 1));
  }
});
