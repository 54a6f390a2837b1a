import { expect, test } from "vitest";
import { mlstmChunked, mlstmStep } from "../../ops/index.ts";
import { concat, input, iota, type Tensor, where } from "../../tensor/index.ts";
import {
  type Arrays,
  compileNative,
  evaluate,
  expectSameFunction,
  gradCheck,
  type Loose,
  mixerSuite,
  type NaiveMixerArguments,
  randomNormal,
  run,
  type Subject,
} from "../../testing/index.ts";
import { mlstm } from "./mlstm.ts";
import { affine, normalised, overTime, sigmoid, zerosOf } from "./rnn-naive.ts";

type Config = ReturnType<typeof mlstm.config.parse>;
type Arguments = NaiveMixerArguments<
  Config,
  ReturnType<typeof mlstm.dims>,
  ReturnType<typeof mlstm.params>,
  ReturnType<typeof mlstm.state>
>;

/** The paper's equations with the true C and n, unstabilised (m = 0). */
function naive({ x, p, c, d, s }: Arguments) {
  const { I, H, K } = d;
  const perHead = <V>(value: () => V) => Array.from({ length: H }, value);
  return overTime(x, {
    given: s && (destabilised(s) as Record<string, Loose>),
    start: {
      C: perHead(() => Array.from({ length: K }, () => zerosOf(K))),
      n: perHead(() => zerosOf(K)),
      m: zerosOf(H),
      conv: Array.from({ length: I }, () => zerosOf(c.conv - 1)),
    },
    step: (token, state) => {
      const a = affine(token, p.up, p.upBias);
      const window = state.conv.map((past, j) => [...past, a[j]!]);
      const mixed = window.map((taps, j) =>
        silu(taps.reduce((sum, value, k) => sum + value * p.conv[j]![k]!, p.convBias[j]!)),
      );
      const maps = {
        q: blockwise(mixed, p.q, p.qBias),
        k: blockwise(mixed, p.k, p.kBias),
        v: blockwise(a, p.v, p.vBias),
      };
      const gates = affine([...maps.q, ...maps.k, ...maps.v], [...p.gatesQ, ...p.gatesK, ...p.gatesV], p.gatesBias);
      const heads = Array.from({ length: H }, (_, h) => headStep(h, { ...maps, gates, state }, { c, H, K }));
      const normed = heads.flatMap(({ h }) => normalised(h, c.normEpsilon));
      const gate = affine(token, p.gate, p.gateBias).map(silu);
      const y = affine(
        normed.map((value, j) => (value * p.norm[j]! + p.skip[j]! * mixed[j]!) * gate[j]!),
        p.down,
        p.downBias,
      );
      return {
        y,
        s: {
          C: heads.map(({ C }) => C),
          n: heads.map(({ n }) => n),
          m: zerosOf(H),
          conv: window.map((taps) => taps.slice(1)),
        },
      };
    },
  });
}

interface Step {
  q: number[];
  k: number[];
  v: number[];
  gates: number[];
  state: { C: number[][][]; n: number[][] };
}

function headStep(head: number, { q, k, v, gates, state }: Step, { c, H, K }: { c: Config; H: number; K: number }) {
  const own = (values: number[], scale = 1) => values.slice(head * K, (head + 1) * K).map((value) => value * scale);
  const [qh, kh, vh] = [own(q), own(k, K ** -0.5), own(v)];
  const input = Math.exp(gates[head]!);
  const raw = gates[H + head]!;
  const forget = c.forgetGate === "sigmoid" ? sigmoid(raw) : Math.exp(raw);
  const C = state.C[head]!.map((row, i) => row.map((value, j) => forget * value + input * kh[i]! * vh[j]!));
  const n = state.n[head]!.map((value, i) => forget * value + input * kh[i]!);
  const size = Math.abs(n.reduce((sum, value, i) => sum + value * qh[i]!, 0));
  return { C, n, h: affine(qh, C).map((value) => value / Math.max(size, 1)) };
}

const silu = (x: number) => x * sigmoid(x);

/** [blocks, n, n] within consecutive features, or one [I, I]. */
function blockwise(x: number[], w: Loose, bias: readonly number[] | undefined): number[] {
  const blocks = (Array.isArray(w[0]![0]) ? w : [w]) as readonly (readonly (readonly number[])[])[];
  const n = x.length / blocks.length;
  return blocks
    .flatMap((block, b) => affine(x.slice(b * n, (b + 1) * n), block))
    .map((value, j) => value + (bias?.[j] ?? 0));
}

function destabilised(s: NonNullable<Arguments["s"]>): Record<string, unknown> {
  const scale = (b: number, h: number) => Math.exp(s.m[b]![h]!);
  return {
    ...s,
    C: s.C.map((heads, b) => heads.map((rows, h) => rows.map((row) => row.map((value) => value * scale(b, h))))),
    n: s.n.map((heads, b) => heads.map((row, h) => row.map((value) => value * scale(b, h)))),
  };
}

function canonical({ m, C, n, ...rest }: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return { ...rest, n: n!.mul(m!.exp().unsqueeze(2)), C: C!.mul(m!.exp().unsqueeze(2).unsqueeze(3)) };
}

mixerSuite(mlstm, {
  configs: [
    {},
    { heads: 2, inner: 12, block: "full", forgetGate: "exponential", bias: true },
    { heads: 1, inner: 8, block: 8, conv: 2 },
  ],
  naive,
  canonical,
  algorithmic: ["chunk"],
});

const cellInputs = (T: number, gate = 1): Arrays => ({
  q: randomNormal("q", [2, 1, T, 3]),
  k: randomNormal("k", [2, 1, T, 3]),
  v: randomNormal("v", [2, 1, T, 4]),
  i: randomNormal("i", [2, 1, T], gate),
  f: randomNormal("f", [2, 1, T], gate),
});

type Cell = Subject["build"];
const gatesOf = ({ i, f }: Parameters<Cell>[0]) => ({ logInput: i!, logForget: f!.neg().softplus().neg() });

const chunked =
  (chunk: number, epsilon = 0): Cell =>
  (at) => {
    const { h, s } = mlstmChunked({ q: at.q!, k: at.k!, v: at.v!, ...gatesOf(at), epsilon, chunk, s: {} });
    return { h, C: s.C.mul(s.m.exp().unsqueeze(2).unsqueeze(3)) };
  };

const recurrent: Cell = (at) => {
  const { logInput, logForget } = gatesOf(at);
  const first = { k: at.k!.at(2, 0), v: at.v!.at(2, 0) };
  let s = { C: first.k.unsqueeze(3).mul(first.v.unsqueeze(2)).mul(0), n: first.k.mul(0), m: logInput.at(2, 0).mul(0) };
  const hs: Tensor[] = [];
  for (let t = 0; t < at.q!.dim(2); t++) {
    const own = (x: Tensor) => x.at(2, t);
    const next = mlstmStep({
      q: own(at.q!),
      k: own(at.k!),
      v: own(at.v!),
      logInput: own(logInput),
      logForget: own(logForget),
      epsilon: 0,
      s,
    });
    s = next.s;
    hs.push(next.h.unsqueeze(2));
  }
  return { h: concat(2, hs), C: s.C.mul(s.m.exp().unsqueeze(2).unsqueeze(3)) };
};

/** The paper's parallel form: D_ts = Σ_{s<l≤t} log f_l + log i_s below the diagonal, unstabilised. */
const parallel: Cell = (at) => {
  const { logInput, logForget } = gatesOf(at);
  const T = at.q!.dim(2);
  const decay = logForget.cumsum(2);
  const D = decay.unsqueeze(3).sub(decay.unsqueeze(2)).add(logInput.unsqueeze(2));
  const past = iota(T).unsqueeze(1).greaterEqual(iota(T));
  const weights = where(past, at.q!.matmul(at.k!, { transB: true }).mul(where(past, D, 0).exp()), 0);
  const h = weights.matmul(at.v!).div(weights.sum(3, true).abs().maximum(1));
  const last = decay.slice(2, -1).sub(decay).add(logInput).exp().unsqueeze(3);
  return { h, C: at.k!.mul(last).matmul(at.v!, { transA: true }) };
};

test("[xlstm-mlstm] parallel, recurrent and chunkwise forms agree, and decoding memory is constant", () => {
  const inputs = cellInputs(11);
  const expected = run({ inputs, build: parallel });
  for (const build of [recurrent, chunked(4), chunked(11), chunked(64), chunked(1)]) {
    const { h, C } = run({ inputs, build });
    expect(h).toBeAllclose(expected.h!, { tolerance: 1e-10 });
    expect(C).toBeAllclose(expected.C!, { tolerance: 1e-10 });
  }
  const config = mlstm.config.parse({});
  const sizes = Object.values(mlstm.state(mlstm.dims(config, 16), config)).map((shape) =>
    shape.reduce((a, b) => a * b),
  );
  expect(sizes).toEqual([4 * 8 * 8, 4 * 8, 4, 32 * 3]);
});

test("gates of e^±300 stay finite with their gradients, in chunks as step by step, and in f32", async () => {
  const inputs = cellInputs(9, 300);
  const [inChunks, inSteps] = [chunked(4), recurrent].map((build) => ({
    inputs,
    build: (at: Parameters<Cell>[0]) => ({ h: build(at).h! }),
  }));
  expectSameFunction(inChunks!, inSteps!);
  const { outputs, gradients } = evaluate(inChunks!);
  for (const { data } of Object.values(gradients)) expect(data.every(Number.isFinite)).toBe(true);
  const leaves = Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, input(name, shape)]));
  const program = await compileNative(inChunks!.build(leaves), inputs);
  expect((await program.run()).h).toBeAllclose(outputs.h!, { tolerance: 2e-4 });
  await program.dispose();
});

test("the denominator's epsilon has the gradient of the true stabiliser", () => {
  gradCheck((at) => chunked(2, 0.5)(at).h!, cellInputs(5), { smooth: "away from ties" });
});
