import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { cut, dot, matrixFrom, range, rms, sigmoid, silu, times, unit } from "./plain-loops.ts";
import { normalised } from "./rnn-naive.ts";
import { tttLinearMixer } from "./ttt-linear.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof tttLinearMixer.config.parse>,
  ReturnType<typeof tttLinearMixer.dims>,
  ReturnType<typeof tttLinearMixer.params>
>;
type Stored = Record<"W" | "b" | "moved" | "movedBias" | "count", Loose>;

/** ∂ ½ |LN(y) γ + β − target|² / ∂y by the chain rule through mean and deviation. */
function gradient(
  y: number[],
  target: number[],
  { gain, offset, epsilon }: { gain: number[]; offset: number[]; epsilon: number },
) {
  const K = y.length;
  const mean = y.reduce((sum, value) => sum + value, 0) / K;
  const deviation = Math.sqrt(y.reduce((sum, value) => sum + (value - mean) ** 2, 0) / K + epsilon);
  const hat = y.map((value) => (value - mean) / deviation);
  const outer = hat.map((value, i) => gain[i]! * (value * gain[i]! + offset[i]! - target[i]!));
  // ∂hat_j/∂y_i = (δ_ij − 1/K − hat_i hat_j / K) / deviation.
  return range(K).map((i) =>
    range(K).reduce(
      (sum, j) => sum + (outer[j]! * ((i === j ? 1 : 0) - 1 / K - (hat[i]! * hat[j]!) / K)) / deviation,
      0,
    ),
  );
}

/** Sun et al. 2024, eq. 6 and 7, token by token: gradients at the map that the mini-batch began with. */
function sequence({ x, p, c, d, s }: Omit<At, "x" | "s"> & { x: number[][]; s: Stored | undefined }) {
  const { H, K } = d;
  const each = (name: "W" | "moved") => range(H).map((h) => matrixFrom(s?.[name][h], K, K));
  const rows = (name: "b" | "movedBias") => matrixFrom(s?.[name], H, K);
  const state = { W: each("W"), b: rows("b"), moved: each("moved"), movedBias: rows("movedBias") };
  let count = Math.round(s?.count[0] ?? 0);
  const y = x.map((x_t) => {
    const [q, k, v] = [p.q, p.k, p.v].map((map) => cut(times(x_t, map), H)) as [number[][], number[][], number[][]];
    const rate = times(x_t, p.rate, p.rateBias).map((value) => (sigmoid(value) * c.rate) / K);
    const gate = cut(times(x_t, p.gate).map(silu), H);
    const o = range(H).flatMap((h) => {
      const norm = { gain: p.innerGain[h]!, offset: p.innerOffset[h]!, epsilon: c.innerEpsilon };
      const [key, query] = [unit(k[h]!), unit(q[h]!).map((value) => value / Math.sqrt(K))];
      const mapped = times(key, state.W[h]!, state.b[h]!);
      const G = gradient(
        mapped,
        v[h]!.map((value, i) => value - key[i]!),
        norm,
      );
      state.moved[h] = state.moved[h]!.map((row, i) => row.map((value, j) => value + key[i]! * G[j]!));
      state.movedBias[h] = state.movedBias[h]!.map((value, j) => value + G[j]!);
      const W = state.W[h]!.map((row, i) => row.map((value, j) => value - rate[h]! * state.moved[h]![i]![j]!));
      const b = state.b[h]!.map((value, j) => value - rate[h]! * state.movedBias[h]![j]!);
      if (count === c.miniBatch - 1) {
        [state.W[h], state.b[h]] = [W, b];
        [state.moved[h], state.movedBias[h]] = [matrixFrom(undefined, K, K), new Array<number>(K).fill(0)];
      }
      const read = times(query, W, b);
      const hat = normalised(read, c.innerEpsilon);
      const whole = read.map((value, i) => value + hat[i]! * norm.gain[i]! + norm.offset[i]!);
      return rms(whole, c.epsilon).map((value, i) => value * p.norm[i]! * gate[h]![i]!);
    });
    count = (count + 1) % c.miniBatch;
    return range(d.D).map((j) =>
      dot(
        o,
        p.out.map((row) => row[j]!),
      ),
    );
  });
  return { y, ...state, count: [count] };
}

mixerSuite(tttLinearMixer, {
  configs: [
    { heads: 2, miniBatch: 4, innerEpsilon: 0.1 },
    { heads: 2, headSize: 3, miniBatch: 3, rate: 2, innerEpsilon: 0.05, epsilon: 0.1 },
  ],
  width: 8,
  naive: ({ x, s, ...at }) => {
    const stored = (b: number) =>
      s && (Object.fromEntries(Object.entries(s).map(([name, field]) => [name, field[b]!])) as unknown as Stored);
    const results = x.map((rows, b) => sequence({ ...at, x: rows, s: stored(b) }));
    const field = <K extends keyof Stored>(name: K) => results.map((result) => result[name]);
    return {
      y: results.map(({ y }) => y),
      s: {
        W: field("W"),
        b: field("b"),
        moved: field("moved"),
        movedBias: field("movedBias"),
        count: field("count"),
      },
    };
  },
});
