import { expect, test } from "vitest";
import { constant } from "../../tensor/index.ts";
import { type Loose, mixerSuite, type NaiveMixerArguments, randomNormal, run } from "../../testing/index.ts";
import { cfc } from "./cfc.ts";
import { goldenIo, weightOf } from "./rnn-golden-weights.fixture.ts";
import { add, affine, naiveLstmCell, overTime, parts, sigmoid, zerosOf } from "./rnn-naive.ts";

type Config = ReturnType<typeof cfc.config.parse>;
type Parameters = ReturnType<typeof cfc.params>;
type Arguments = NaiveMixerArguments<
  Config,
  { H: number },
  Parameters,
  { h: readonly number[]; c?: readonly number[] }
>;

const activations: Record<Config["activation"], (x: number) => number> = {
  lecun_tanh: (x) => 1.7159 * Math.tanh(0.666 * x),
  tanh: Math.tanh,
  relu: (x) => Math.max(0, x),
  silu: (x) => x * sigmoid(x),
  gelu: () => Number.NaN,
};

/** The source's order of things: join [x, h], backbone layer by layer, then the maps. */
function naive({ x, p, c, d: { H }, s, dt }: Arguments) {
  return overTime(x, {
    given: s as Readonly<Record<string, Loose>> | undefined,
    start: { h: zerosOf(H), ...(c.mixedMemory && { c: zerosOf(H) }) },
    step: (token, state, { b, t }) => {
      const memory = state.c
        ? naiveLstmCell(add(affine(token, p.memoryInput!, p.memoryBias), affine(state.h, p.memoryRecurrent!)), state.c)
        : state;
      const units = unitsOf([...token, ...memory.h], p, c);
      const h = c.mode === "pure" ? pure(units, p, dt![b]![t]!) : gated(units, c.mode, dt![b]![t]!);
      return { y: p.out ? affine(h, p.out) : h, s: { ...memory, h } };
    },
  });
}

function unitsOf(joint: number[], p: Arguments["p"], c: Config): number[] {
  let z = affine(joint, [...p.input, ...p.recurrent], p.bias);
  if (c.backboneLayers === 0) return z;
  const act = activations[c.activation];
  for (let l = 1; l < c.backboneLayers; l++) z = affine(z.map(act), p.deep![l - 1]!, p.deepBias![l - 1]!);
  return affine(z.map(act), p.readout!, p.readoutBias);
}

function gated(units: number[], mode: Config["mode"], dt: number): number[] {
  const [g, h, a, b] = parts(units, 4);
  return g!.map((value, j) => {
    const gate = sigmoid(a![j]! * dt + b![j]!);
    return Math.tanh(value) * (mode === "no_gate" ? 1 : 1 - gate) + gate * Math.tanh(h![j]!);
  });
}

const pure = (f: number[], p: Arguments["p"], dt: number): number[] =>
  f.map((value, j) => p.asymptote![j]! * (1 - Math.exp(-dt * (Math.abs(p.tau![j]!) + Math.abs(value))) * value));

mixerSuite(cfc, {
  configs: [
    {},
    { mode: "no_gate", backboneLayers: 0, hidden: 6 },
    { mode: "pure", backboneLayers: 2, backboneUnits: 5, activation: "silu" },
    { mixedMemory: true, activation: "relu", backboneUnits: 7 },
  ],
  naive,
});

/** One step without backbone from a random state; b = 0 and a > 0, as in the paper's σ(−f·t) with f = −a. */
function interpolated(dt: number) {
  const H = 3;
  const config = cfc.config.parse({ backboneLayers: 0 });
  const inputs = {
    x: randomNormal("x", [1, 1, H]),
    h: randomNormal("h", [1, H]),
    input: randomNormal("W", [H, 2 * H]),
  };
  const { y, g, h } = run({
    inputs,
    build: (at) => {
      const mapBias = constant([0.1, 0.2, 0.3, -0.4, 0.5, -0.6], [2 * H]);
      const rates = constant([1, 2, 3, 0, 0, 0], [2 * H]);
      const p = {
        input: weightOf(at.input!.pad(1, 0, 2 * H)),
        recurrent: weightOf(at.input!.mul(0.5).pad(1, 0, 2 * H)),
        bias: weightOf(mapBias.pad(0, 0, 2 * H).add(rates.pad(0, 2 * H, 0))),
      };
      const io = goldenIo({ dt_BT: constant([dt], [1, 1]) });
      const result = cfc.forward(at.x!, { c: config, d: cfc.dims(config, H), p, s: { h: at.h }, b: {}, io });
      const maps = at.x!.squeeze(1).add(at.h!.mul(0.5)).matmul(at.input!).add(mapBias).tanh();
      return { y: result.y.squeeze(1), g: maps.slice(1, 0, H), h: maps.slice(1, H) };
    },
  });
  return { y: y!, middle: { shape: g!.shape, data: g!.data.map((value, i) => (value + h!.data[i]!) / 2) }, far: h! };
}

test("[cfc] no time gives the mean of its two maps, endless time the second one", () => {
  const now = interpolated(0);
  expect(now.y).toBeAllclose(now.middle, { tolerance: 1e-12 });
  const later = interpolated(1e4);
  expect(later.y).toBeAllclose(later.far, { tolerance: 1e-12 });
  expect(interpolated(1).y).not.toBeAllclose(now.middle, { tolerance: 1e-2 });
});
