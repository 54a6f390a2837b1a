import { expect, test } from "vitest";
import { mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { mlp } from "../channels/mlp.ts";
import { add, affine, overTime, sigmoid, zerosOf } from "./rnn-naive.ts";
import { swishRnn } from "./swish-rnn.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof swishRnn.config.parse>,
  ReturnType<typeof swishRnn.dims>,
  ReturnType<typeof swishRnn.params>,
  ReturnType<typeof swishRnn.state>
>;

const swish = (z: number): number => z * sigmoid(z);

mixerSuite(swishRnn, {
  configs: [{}, { inner: 3, bias: false }],
  width: 4,
  naive: ({ x, p, d, s }: At) =>
    overTime(x, {
      given: s,
      start: { c: zerosOf(d.I) },
      step: (token, { c }) => {
        const [u, gate] = [affine(token, p.value), affine(token, p.gate, p.gateBias).map(sigmoid)];
        const next = c.map((value, i) => swish(value - u[i]!) + u[i]!);
        const shown = p.valueBias ? add(next, p.valueBias) : next;
        return {
          y: affine(
            shown.map((value, i) => value * gate[i]!),
            p.out,
          ),
          s: { c: next },
        };
      },
    }),
});

const size = (declared: Readonly<Record<string, { shape: readonly number[] }>>): number =>
  Object.values(declared).reduce((total, { shape }) => total + shape.reduce((a, b) => a * b, 1), 0);

test("[swish-rnn] a third of a feed-forward net's matrices, traded for the recurrence, keeps the block's parameters", () => {
  const [D, inner] = [48, 16];
  const c = swishRnn.config.parse({ inner, bias: false });
  const net = (hidden: number) => {
    const options = mlp.config.parse({ hidden, bias: false });
    return size(mlp.params(mlp.dims(options, D), options));
  };
  expect(size(swishRnn.params(swishRnn.dims(c, D), c)) + net(4 * D - (3 * inner) / 2)).toBe(net(4 * D));
});
