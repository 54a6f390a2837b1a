import { expect, test } from "vitest";
import { vjp } from "../../grad/index.ts";
import { constant, type Tensor } from "../../tensor/index.ts";
import {
  type Arrays,
  type Loose,
  mixerSuite,
  type NaiveMixerArguments,
  nest,
  randomNormal,
  randomUniform,
  run,
} from "../../testing/index.ts";
import { ltc } from "./ltc.ts";
import { wiringOf } from "./ncp-wiring.ts";
import { goldenIo, weightOf } from "./rnn-golden-weights.fixture.ts";
import { add, affine, naiveLstmCell, overTime, parts, sigmoid, zerosOf } from "./rnn-naive.ts";

type Config = ReturnType<typeof ltc.config.parse>;
type Arguments = NaiveMixerArguments<
  Config,
  { H: number },
  ReturnType<typeof ltc.params>,
  { h: readonly number[]; c?: readonly number[] }
>;
type Table = readonly (readonly number[])[];

const softplus = (x: number) => Math.log1p(Math.exp(x));

/** Σ over sources of a and of a·E for neuron j. */
function currents(
  v: readonly number[],
  j: number,
  { w, mu, sigma, erev }: Record<"w" | "mu" | "sigma" | "erev", Table>,
  strength: (w: number, i: number, j: number) => number = softplus,
) {
  const a = v.map((potential, i) => strength(w[i]![j]!, i, j) * sigmoid(sigma[i]![j]! * (potential - mu[i]![j]!)));
  return {
    conductance: a.reduce((sum, x) => sum + x, 0),
    reversal: a.reduce((sum, x, i) => sum + x * erev[i]![j]!, 0),
  };
}

function naive({ x, p, c, d: { H }, s, dt }: Arguments) {
  const inputs = { w: p.inputW, mu: p.inputMu, sigma: p.inputSigma, erev: p.inputErev };
  const positive = c.positivity === "relu" ? (value: number) => Math.max(0, value) : softplus;
  const { outputs, input, between } = wiringOf(c.wiring, { inputs: x[0]![0]!.length, neurons: H });
  const strength = (mask: Tensor | undefined) => {
    const open = mask && nest(run({ inputs: {}, build: () => ({ mask }) }).mask!);
    return (w: number, i: number, j: number) => positive(w) * (open?.[i]?.[j] ?? 1);
  };
  const [fromInputs, fromNeurons] = [strength(input), strength(between)];
  return overTime(x, {
    given: s as Readonly<Record<string, Loose>> | undefined,
    start: { h: zerosOf(H), ...(c.mixedMemory && { c: zerosOf(H) }) },
    step: (token, state, { b, t }) => {
      const memory = state.c
        ? naiveLstmCell(add(affine(token, p.memoryInput!, p.memoryBias), affine(state.h, p.memoryRecurrent!)), state.c)
        : state;
      const u = token.map((value, i) => value * (p.inputGain?.[i] ?? 1) + (p.inputBias?.[i] ?? 0));
      let v = memory.h;
      for (let k = 0; k < c.unfolds; k++)
        v = v.map((last, j) => {
          const [outer, inner] = [currents(u, j, inputs, fromInputs), currents(v, j, p, fromNeurons)];
          const rate = (positive(p.cm[j]!) * c.unfolds) / dt![b]![t]!;
          const leak = positive(p.gLeak[j]!);
          return (
            (rate * last + leak * p.vLeak[j]! + outer.reversal + inner.reversal) /
            (rate + leak + outer.conductance + inner.conductance + c.epsilon)
          );
        });
      const out = v.slice(0, outputs).map((value, j) => value * (p.outputGain?.[j] ?? 1) + (p.outputBias?.[j] ?? 0));
      return { y: p.out ? affine(out, p.out) : out, s: { ...memory, h: v } };
    },
  });
}

mixerSuite(ltc, {
  configs: [
    { unfolds: 3 },
    { hidden: 7, unfolds: 2, wiring: { kind: "ncp", outputs: 2, sparsity: 0.5, seed: 1 } },
    { hidden: 8, unfolds: 1, wiring: { kind: "random", sparsity: 0.6, seed: 2 }, positivity: "relu" },
    { hidden: 5, unfolds: 1, inputMapping: "none", outputMapping: "linear", mixedMemory: true, epsilon: 0 },
  ],
  naive,
  width: 8,
});

const [D, H] = [3, 4];
const reversals = [-1.5, 0.5, 2, -0.25];

/** Neurons whose synapses all pull towards one potential each, and leak towards 0. */
function neurons(): Arrays {
  const every = (rows: number) => ({
    shape: [rows, H],
    data: Float64Array.from({ length: rows * H }, (_, i) => reversals[i % H]!),
  });
  const uniform = (label: string, shape: number[]) => randomUniform(label, shape, [0, 1]);
  return {
    inputW: uniform("inputW", [D, H]),
    inputMu: uniform("inputMu", [D, H]),
    inputSigma: randomNormal("inputSigma", [D, H], 3),
    inputErev: every(D),
    w: uniform("w", [H, H]),
    mu: uniform("mu", [H, H]),
    sigma: randomNormal("sigma", [H, H], 3),
    erev: every(H),
    gLeak: uniform("gLeak", [H]),
    vLeak: { shape: [H], data: new Float64Array(H) },
    cm: uniform("cm", [H]),
  };
}

function trajectory(inputs: Arrays, { unfolds, dt }: { unfolds: number; dt: number }): Float64Array {
  const config = ltc.config.parse({ unfolds, epsilon: 0, inputMapping: "none", outputMapping: "none" });
  return run({
    inputs,
    build: ({ x, h, ...at }) => {
      const p = Object.fromEntries(Object.entries(at).map(([name, t]) => [name, weightOf(t)])) as unknown as Parameters<
        typeof ltc.forward
      >[1]["p"];
      const dt_BT = constant([dt], [1, 1]).expand([1, x!.dim(1)]);
      const { y } = ltc.forward(x!, { c: config, d: { D, H }, p, s: { h }, b: {}, io: goldenIo({ dt_BT }) });
      return { y };
    },
  }).y!.data;
}

test("[ltc] a start inside [min(0, A), max(0, A)] stays there for any input", () => {
  const h = { shape: [1, H], data: Float64Array.from(reversals, (a) => 0.9 * a) };
  const y = trajectory({ ...neurons(), x: randomNormal("x", [1, 40, D], 50), h }, { unfolds: 2, dt: 3 });
  for (const [i, v] of y.entries()) {
    const a = reversals[i % H]!;
    expect(v).toBeGreaterThanOrEqual(Math.min(0, a) - 1e-12);
    expect(v).toBeLessThanOrEqual(Math.max(0, a) + 1e-12);
  }
  expect(Math.max(...y.map((v, i) => Math.abs(v / reversals[i % H]!)))).toBeGreaterThan(0.5);
});

/** dv/dt of the equation, integrated by the classical fourth-order rule. */
function byRungeKutta(
  p: Record<string, readonly (readonly number[])[]>,
  { v, u, dt, steps }: { v: number[]; u: number[]; dt: number; steps: number },
): number[] {
  const inputs = { w: p.inputW!, mu: p.inputMu!, sigma: p.inputSigma!, erev: p.inputErev! };
  const slope = (at: number[]) =>
    at.map((value, j) => {
      const [outer, inner] = [
        currents(u, j, inputs),
        currents(at, j, { w: p.w!, mu: p.mu!, sigma: p.sigma!, erev: p.erev! }),
      ];
      const pull = outer.reversal + inner.reversal - (outer.conductance + inner.conductance) * value;
      return (pull - softplus(p.gLeak![0]![j]!) * value) / softplus(p.cm![0]![j]!);
    });
  const step = dt / steps;
  const ahead = (at: number[], k: number[], share: number) => at.map((value, j) => value + share * step * k[j]!);
  let at = v;
  for (let i = 0; i < steps; i++) {
    const k1 = slope(at);
    const k2 = slope(ahead(at, k1, 0.5));
    const k3 = slope(ahead(at, k2, 0.5));
    const k4 = slope(ahead(at, k3, 1));
    at = at.map((value, j) => value + (step / 6) * (k1[j]! + 2 * k2[j]! + 2 * k3[j]! + k4[j]!));
  }
  return at;
}

test("[ltc] the fused step goes to the Runge–Kutta solution as the step goes to 0, at first order", () => {
  const inputs = { ...neurons(), x: randomNormal("x", [1, 1, D]), h: randomNormal("h", [1, H]) };
  const rows = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, data }]) => [name, parts([...data], data.length / shape.at(-1)!)]),
  );
  const exact = byRungeKutta(rows, { v: rows.h![0]!, u: rows.x![0]!, dt: 0.7, steps: 200 });
  const at = (unfolds: number) => trajectory(inputs, { unfolds, dt: 0.7 });
  const distance = (v: ArrayLike<number>) => Math.hypot(...exact.map((value, j) => v[j]! - value));
  const [coarse, fine] = [at(80), at(160)];
  expect(distance(coarse) / distance(fine)).toBeCloseTo(2, 1);
  // Twice the finer less the coarser cancels the first order of the step.
  expect(distance(fine.map((value, j) => 2 * value - coarse[j]!))).toBeLessThan(0.02 * distance(fine));
});

test("[ncp-wiring] synapses that do not exist are 0 and stay so: whatever their parameters are, nothing reads or moves them", () => {
  const config = ltc.config.parse({ hidden: 10, wiring: { kind: "ncp", outputs: 2, sparsity: 0.5 } });
  const d = ltc.dims(config, D);
  const wiring = wiringOf(config.wiring, { inputs: D, neurons: d.H });
  const parameters = Object.fromEntries(
    Object.entries(ltc.params(d, config)).map(([name, { shape }]) => [name, randomNormal(name, shape)]),
  );
  const gradients = run({
    inputs: { ...parameters, x: randomNormal("x", [1, 3, D]) },
    build: ({ x, ...at }) => {
      const p = Object.fromEntries(Object.entries(at).map(([name, t]) => [name, weightOf(t)])) as never;
      const { y } = ltc.forward(x!, { c: config, d, p, s: {}, b: {}, io: goldenIo() });
      const [w, inputW] = vjp([y], [y.mul(0).add(1)], [at.w!, at.inputW!]);
      return { w: w!, inputW: inputW!, between: wiring.between!, input: wiring.input! };
    },
  });
  for (const [gradient, mask] of [
    [gradients.w!, gradients.between!],
    [gradients.inputW!, gradients.input!],
  ] as const) {
    const closed = [...mask.data.keys()].filter((i) => mask.data[i] === 0);
    expect(closed.length).toBeGreaterThan(mask.data.length / 4);
    for (const i of closed) expect(Math.abs(gradient.data[i]!)).toBe(0);
    expect(gradient.data.some((value) => value !== 0)).toBe(true);
  }
});
