import { expect, test } from "vitest";
import { concat, type Tensor } from "../../tensor/index.ts";
import {
  evaluate,
  gradCheck,
  mixerSuite,
  type NaiveMixerArguments,
  randomNormal,
  type Subject,
} from "../../testing/index.ts";
import { rnn } from "./rnn.ts";
import { goldenIo, weightOf } from "./rnn-golden-weights.fixture.ts";
import { add, affine, overTime, zerosOf } from "./rnn-naive.ts";

type Config = ReturnType<typeof rnn.config.parse>;

function naive({ x, p, c, d, s }: NaiveMixerArguments<Config, { H: number }, ReturnType<typeof rnn.params>>) {
  return overTime(x, {
    given: s,
    start: { h: zerosOf(d.H) },
    step: (token, { h }) => {
      const sum = add(affine(token, p.input, p.bias), affine(h, p.recurrent));
      const next = sum.map((value) => (c.activation === "tanh" ? Math.tanh(value) : Math.max(0, value)));
      return { y: p.out ? affine(next, p.out) : next, s: { h: next } };
    },
  });
}

mixerSuite(rnn, { configs: [{}, { activation: "relu", hidden: 6, bias: false }], naive });

const H = 4;
const inputs = {
  x: randomNormal("x", [1, 12, H]),
  w: randomNormal("w", [H, H], 0.4),
  u: randomNormal("u", [H, H], 0.3),
  b: randomNormal("b", [H]),
};

const scanned: Subject["build"] = ({ x, w, u, b }) => {
  const config = rnn.config.parse({});
  const p = { input: weightOf(w!), recurrent: weightOf(u!), bias: weightOf(b!) };
  return { y: rnn.forward(x!, { c: config, d: rnn.dims(config, H), p, s: {}, b: {}, io: goldenIo() }).y };
};

/** The same network as a graph without a loop. */
const unrolled: Subject["build"] = ({ x, w, u, b }) => {
  let h: Tensor | undefined;
  const rows = Array.from({ length: x!.dim(1) }, (_, t) => {
    const share = x!.at(1, t).matmul(w!).add(b!);
    h = (h ? share.add(h.matmul(u!)) : share).tanh();
    return h.unsqueeze(1);
  });
  return { y: concat(1, rows) };
};

test("[rnn-vanilla] backpropagation through time: unrolled = loop in values and gradients, which equal differences", () => {
  const [loop, graph] = [evaluate({ inputs, build: scanned }), evaluate({ inputs, build: unrolled })];
  expect(loop.outputs.y).toBeAllclose(graph.outputs.y!, { tolerance: 1e-12 });
  for (const name of ["x", "w", "u", "b"])
    expect(loop.gradients[name]).toBeAllclose(graph.gradients[name]!, { tolerance: 1e-12 });
  gradCheck(scanned, inputs);
});

test("[rnn-vanilla] the gradient of the last output decays with the lag of the input", () => {
  const build: Subject["build"] = (at) => ({ last: scanned(at).y!.at(1, -1) });
  const { data } = evaluate({ inputs, build }).gradients.x!;
  const norms = Array.from({ length: 12 }, (_, t) => Math.hypot(...data.subarray(t * H, (t + 1) * H)));
  for (let lag = 3; lag < 12; lag += 3) expect(norms[11 - lag]).toBeLessThan(0.5 * norms[11 - lag + 3]!);
});
