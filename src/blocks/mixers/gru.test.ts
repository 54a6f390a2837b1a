import { expect, test } from "vitest";
import { constant } from "../../tensor/index.ts";
import { mixerSuite, type NaiveMixerArguments, randomNormal, run } from "../../testing/index.ts";
import { gru } from "./gru.ts";
import { goldenIo, weightOf } from "./rnn-golden-weights.fixture.ts";
import { affine, overTime, parts, sigmoid, zerosOf } from "./rnn-naive.ts";

function naive({
  x,
  p,
  d,
  s,
}: NaiveMixerArguments<Record<string, unknown>, { H: number }, ReturnType<typeof gru.params>>) {
  return overTime(x, {
    given: s,
    start: { h: zerosOf(d.H) },
    step: (token, { h }) => {
      const [zx, rx, cx] = parts(affine(token, p.input, p.bias), 3);
      const [zh, rh, ch] = parts(affine(h, p.recurrent), 3);
      const next = h.map((last, j) => {
        const z = sigmoid(zx![j]! + zh![j]!);
        const candidate = Math.tanh(cx![j]! + sigmoid(rx![j]! + rh![j]!) * (ch![j]! + (p.candidateBias?.[j] ?? 0)));
        return (1 - z) * last + z * candidate;
      });
      return { y: p.out ? affine(next, p.out) : next, s: { h: next } };
    },
  });
}

mixerSuite(gru, { configs: [{}, { hidden: 6, bias: false }], naive });

test("[gru] an update gate of 0 freezes the state exactly, one of 1 replaces it", () => {
  const H = 3;
  const inputs = { x: randomNormal("x", [1, 50, H]), h: randomNormal("h", [1, H]), w: randomNormal("w", [H, 3 * H]) };
  const last = (z: number) =>
    run({
      inputs,
      build: ({ x, h, w }) => {
        const config = gru.config.parse({});
        const gateBias = constant([z, z, z, 0, 0, 0, 0, 0, 0], [3 * H]);
        const p = { input: weightOf(w!), recurrent: weightOf(w!), bias: weightOf(gateBias) };
        return { h: gru.forward(x!, { c: config, d: gru.dims(config, H), p, s: { h }, b: {}, io: goldenIo() }).s.h };
      },
    }).h!;
  expect(last(-1e4)).toEqual(inputs.h);
  expect(last(1e4)).not.toBeAllclose(inputs.h, { tolerance: 0.1 });
});
