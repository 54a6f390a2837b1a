import { expect, test } from "vitest";
import { concat, constant, type Tensor } from "../../tensor/index.ts";
import { gradCheck, type Loose, mixerSuite, type NaiveMixerArguments, randomNormal, run } from "../../testing/index.ts";
import { affine, normalised, overTime, sigmoid, zerosOf } from "./rnn-naive.ts";
import { slstm } from "./slstm.ts";
import { emptyStabiliser, slstmCell } from "./slstm-cell.ts";

type Config = ReturnType<typeof slstm.config.parse>;
type Arguments = NaiveMixerArguments<
  Config,
  { D: number; H: number; K: number },
  ReturnType<typeof slstm.params>,
  ReturnType<typeof slstm.state>
>;

/** The paper's equations without stabiliser (m = 0): c and n are the true ones. */
function naive({ x, p, c, d, s }: Arguments) {
  const { D, H, K } = d;
  const zeros = () => Array.from({ length: H }, () => zerosOf(K));
  const conv = c.conv > 0 && { conv: Array.from({ length: D }, () => zerosOf(c.conv - 1)) };
  return overTime(x, {
    given: s && (destabilised(s) as Record<string, Loose>),
    start: { h: zeros(), c: zeros(), n: zeros(), m: zeros(), ...conv },
    step: (token, state) => {
      const window = state.conv?.map((past, j) => [...past, token[j]!]);
      const mixed = window
        ? window.map((taps, j) => silu(taps.reduce((sum, value, k) => sum + value * p.conv![j]![k]!, p.convBias![j]!)))
        : token;
      const next = Array.from({ length: H }, (_, h) => headStep(h, { token, mixed, state }, { p, c, K }));
      const field = (name: "h" | "c" | "n") => next.map((head) => head[name]);
      const y = field("h")
        .flatMap((head) => normalised(head, c.normEpsilon))
        .map((value, j) => value * p.norm[j]!);
      return {
        y,
        s: {
          h: field("h"),
          c: field("c"),
          n: field("n"),
          m: zeros(),
          ...(window && { conv: window.map((taps) => taps.slice(1)) }),
        },
      };
    },
  });
}

interface Before {
  token: number[];
  mixed: number[];
  state: { h: number[][]; c: number[][]; n: number[][] };
}

function headStep(h: number, { token, mixed, state }: Before, { p, c, K }: Pick<Arguments, "p" | "c"> & { K: number }) {
  const own = (values: readonly number[]) => values.slice(h * K, (h + 1) * K);
  const recurrent = affine(state.h[h]!, p.recurrent[h]!);
  const raw = [...affine(own(mixed), p.gatesConv[h]!), ...affine(own(token), p.gates[h]!)].map(
    (value, j) => value + recurrent[j]! + p.bias[h * 4 * K + j]!,
  );
  const result = { h: zerosOf(K), c: zerosOf(K), n: zerosOf(K) };
  for (let j = 0; j < K; j++) {
    const [i, f, o, z] = [0, 1, 2, 3].map((gate) => raw[gate * K + j]!) as [number, number, number, number];
    const forget = c.forgetGate === "sigmoid" ? sigmoid(f) : Math.exp(f);
    result.c[j] = forget * state.c[h]![j]! + Math.exp(i) * Math.tanh(z);
    result.n[j] = forget * state.n[h]![j]! + Math.exp(i);
    result.h[j] = (sigmoid(o) * result.c[j]!) / result.n[j]!;
  }
  return result;
}

const silu = (x: number) => x * sigmoid(x);

function destabilised(s: NonNullable<Arguments["s"]>): Record<string, unknown> {
  const scaled = (field: Loose) =>
    field.map((rows, b) => rows.map((row, h) => row.map((value, j) => value * Math.exp(s.m[b]![h]![j]!))));
  return { ...s, c: scaled(s.c), n: scaled(s.n) };
}

/** c·eᵐ and n·eᵐ; the empty state's m is as good as any. */
function canonical({ m, c, n, ...rest }: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return { ...rest, c: c!.mul(m!.exp()), n: n!.mul(m!.exp()) };
}

mixerSuite(slstm, {
  configs: [{}, { heads: 2, conv: 0, forgetGate: "exponential" }],
  naive,
  canonical,
});

test("[xlstm-slstm] gates of e^±100 stay finite, and the memory holds what the largest one wrote", () => {
  const gatesOf = (i: number) => constant([i, 0, 0, 1], [1, 1, 4]);
  const { first, weak, strong } = run({
    inputs: { zero: { shape: [1, 1, 1], data: Float64Array.of(0) } },
    build: ({ zero }) => {
      const empty = { h: zero!, c: zero!, n: zero!, m: zero!.add(emptyStabiliser) };
      const written = slstmCell(gatesOf(100), empty, "exponential");
      const state = (s: typeof written) => concat(0, [s.h, s.c, s.n, s.m]).reshape([4]);
      return {
        first: state(written),
        weak: state(slstmCell(gatesOf(-100).mul(constant([1, 1, 1, -1], [4])), written, "exponential")),
        strong: state(slstmCell(gatesOf(200).mul(constant([1, 1, 1, -1], [4])), written, "exponential")),
      };
    },
  });
  const [c, h] = [Math.tanh(1), Math.tanh(1) / 2];
  expect(first!.data).toEqual(Float64Array.of(h, c, 1, 100));
  expect(weak!.data).toEqual(Float64Array.of(h, c, 1, 100));
  expect(strong!.data).toEqual(Float64Array.of(-h, -c, 1, 200));
});

test("[xlstm-slstm] stabilised equals unstabilised on small values, with its gradients", () => {
  const inputs = { gates: randomNormal("gates", [3, 1, 2, 12]), c: randomNormal("c", [1, 2, 3]) };
  const stabilised = ({ gates, c }: Readonly<Record<string, Tensor>>) => {
    const n = c!.square().add(1);
    let s = { h: c!.mul(0), c: c!, n, m: c!.mul(0) };
    for (let t = 0; t < 3; t++) s = { ...slstmCell(gates!.at(0, t), s, "exponential") };
    return { h: s.h, c: s.c.mul(s.m.exp()), n: s.n.mul(s.m.exp()) };
  };
  const plain = ({ gates, c }: Readonly<Record<string, Tensor>>) => {
    let [cell, n, h] = [c!, c!.square().add(1), c!];
    for (let t = 0; t < 3; t++) {
      const [i, f, o, z] = gates!.at(0, t).split(-1, [3, 3, 3, 3]) as [Tensor, Tensor, Tensor, Tensor];
      cell = f.exp().mul(cell).add(i.exp().mul(z.tanh()));
      n = f.exp().mul(n).add(i.exp());
      h = o.sigmoid().mul(cell).div(n);
    }
    return { h, c: cell, n };
  };
  const [a, b] = [run({ inputs, build: stabilised }), run({ inputs, build: plain })];
  for (const name of ["h", "c", "n"]) expect(a[name]).toBeAllclose(b[name]!, { tolerance: 1e-12 });
  gradCheck(stabilised, inputs);
});
