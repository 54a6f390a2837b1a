import { z } from "zod";
import { defineMixer, linear, matrix, value, vector } from "../blocks/index.ts";
import { concat, constant, iota, scan, type Tensor, where, zeros } from "../tensor/index.ts";
import type { NaiveMixerArguments, NaiveMixerResult } from "./mixer-rig.ts";

/** The smallest mixer with a constant state, h_t = a ⊙ h_{t−1} + x_t, by which the laws themselves are tested. */
export const leaky = defineMixer({
  kind: "leaky",
  title: "Leaky sum",
  cite: { by: "nobody" },
  equations: ["h_t = a ⊙ h_{t−1} + x_t"],
  config: z.strictObject({ decay: z.number().default(0.5).describe("start of a") }),
  dims: (_c, D) => ({ D }),
  params: ({ D }, c) => ({ a: vector(D, c.decay) }),
  capabilities: {
    flow: "causal",
    state: "finite",
    length: "any",
    batch: "independent",
    smooth: "everywhere",
    exact: "bitwise",
  },
  state: ({ D }) => ({ h: [D] }),
  forward(x_BTD, { p, s, io }) {
    const [B, T, D] = x_BTD.shape as [number, number, number];
    const real_BT = io.mask_BT ?? constant(new Array<number>(B * T).fill(1), [B, T], "bool");
    const { states, ys } = scan({
      init: [s.h ?? zeros([B, D])],
      xs: [x_BTD.swap(0, 1), where(real_BT, 1, 0).swap(0, 1).unsqueeze(-1)],
      step: ([h], [x, real]) => {
        const next = where(real!.equal(1), h!.mul(value(p.a)).add(x!), h!);
        return { states: [next], ys: [next] };
      },
    });
    return { y: ys[0]!.swap(0, 1), s: { h: states[0]! } };
  },
  step(x_BD, { p, s }) {
    const h = s.h.mul(value(p.a)).add(x_BD);
    return { y: h, s: { h } };
  },
});

export function naiveLeaky({ x, p, s }: NaiveMixerArguments): NaiveMixerResult {
  const last = x.map((row, b) => row[0]!.map((_, j) => (s ? Number(s.h![b]![j]) : 0)));
  const y = x.map((row, b) => row.map((token) => (last[b] = token.map((v, j) => p.a![j]! * last[b]![j]! + v))));
  return { y, s: { h: last } };
}

/** The smallest mixer whose state grows: the mean of the projected tokens seen so far, or of the last `window`. */
export const average = defineMixer({
  kind: "average",
  title: "Running mean",
  cite: { by: "nobody" },
  equations: ["y_t = mean of W x over the tokens kept"],
  config: z.strictObject({ window: z.int().positive().optional().describe("tokens kept, all if absent") }),
  dims: (_c, D) => ({ D }),
  params: ({ D }) => ({ w: matrix(D, D) }),
  capabilities: ({ window }) => ({
    flow: "causal",
    state: window === undefined ? "growing" : "finite",
    length: "any",
    batch: "independent",
    smooth: "everywhere",
    exact: "bitwise",
  }),
  state: ({ D }, { window }) => ({
    v: { shape: (tokens: number) => [tokens, D], axis: 0, ...(window !== undefined && { window }) },
  }),
  forward: (x_BTD, { c, p, s, io }) =>
    averageOf(linear(x_BTD, p.w), { window: c.window, buffer: s.v, length_B: io.length_B }),
  step(x_BD, { c, p, s, io }) {
    const { y, s: entries } = averageOf(linear(x_BD, p.w).unsqueeze(1), {
      window: c.window,
      buffer: s.v,
      length_B: io.length_B,
    });
    return { y: y.squeeze(1), s: entries };
  },
});

function averageOf(
  v_BTD: Tensor,
  {
    window = 1e9,
    buffer,
    length_B,
  }: { window: number | undefined; buffer?: Tensor | undefined; length_B?: Tensor | undefined },
) {
  const [B, T] = v_BTD.shape as [number, number, number];
  const length = (length_B ?? zeros([B], "i32")).cast("f32").reshape([B, 1]);
  const queries = length.add(iota(T).cast("f32"));
  const keys = buffer ? concat(1, [positionsIn(buffer.dim(1), window, length), queries]) : queries;
  const behind = queries.unsqueeze(2).sub(keys.unsqueeze(1));
  const seen = behind.greaterEqual(0).and(behind.less(window)).and(keys.greaterEqual(0).unsqueeze(1));
  const weights = where(seen, 1, 0);
  const values = buffer ? concat(1, [buffer, v_BTD]) : v_BTD;
  return { y: weights.div(weights.sum(2, true)).matmul(values), s: { v: v_BTD } };
}

/** Which token each slot of a ring (or of a buffer, whose ring never turns) holds, negative where none. */
function positionsIn(slots: number, window: number, length: Tensor): Tensor {
  const slot = iota(slots).cast("f32").unsqueeze(0);
  const turns = length.sub(1).sub(slot).div(window).cast("f32");
  const whole = where(turns.less(0), -1, turns.sub(turns.mod(1)));
  return where(whole.less(0), -1, slot.add(whole.mul(window)));
}

export function naiveAverage({ x, p, c, s }: NaiveMixerArguments): NaiveMixerResult {
  const window = (c.window as number | undefined) ?? Number.POSITIVE_INFINITY;
  const seen: number[][][] = x.map((_, b) => (s ? [...(s.v![b]! as number[][])] : []));
  const y = x.map((row, b) =>
    row.map((token) => {
      seen[b]!.push(token.map((_, j) => token.reduce((sum, xi, i) => sum + xi * p.w![i]![j]!, 0)));
      const kept = seen[b]!.slice(-Math.min(window, seen[b]!.length));
      return token.map((_, j) => kept.reduce((sum, v) => sum + v[j]!, 0) / kept.length);
    }),
  );
  return { y, s: { v: seen } };
}
