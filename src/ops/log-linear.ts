/**
 * Log-linear attention (Guo et al. 2025): the tokens before t fall into buckets as in a Fenwick tree, the nearest of 1, 2, 4 …
 * tokens, and each bucket's sum of v kᵀ is read with a weight of its own:  o_t = λ⁰_t (k_t·q_t) v_t + Σ_l λˡ_t Sˡ_t q_t,
 * with one decay a head. The last level holds whatever is older than the buckets before it.
 * Axes: H heads, K key width, V value width, L levels, B batch, T time; columns […, B, T].
 */
import { constant, iota, stack, type Tensor, zeros } from "../tensor/index.ts";
import { alignLeft } from "./align-left.ts";
import { carryChunks } from "./decay-scan-chunks.ts";
import { joinChunks, splitChunks } from "./decay-scan-layout.ts";
import { gateScan } from "./gate-scan.ts";

export interface LogLinearInput {
  q_HKBT: Tensor;
  k_HKBT: Tensor;
  v_HVBT: Tensor;
  /** log a ≤ 0. */
  logDecay_HBT: Tensor;
  /** λ: level 0 is the token itself, level l up to 2^(l−1) tokens, level L − 1 all older ones. */
  levels_HLBT: Tensor;
  s?: LogLinearState | undefined;
  /** bool, true at real tokens, which must be consecutive. */
  mask_BT?: Tensor | undefined;
}

/** Sums of levels 1 to L − 1, and how many tokens there were, modulo 2^(L−1) (f32). */
export interface LogLinearState {
  S_BLHVK: Tensor;
  count_B1: Tensor;
}

export interface LogLinearResult {
  o_HVBT: Tensor;
  s: LogLinearState;
}

/** All times at once from the start; from a state, whose buckets lie differently for every sequence, one after another. */
export function logLinear(input: LogLinearInput): LogLinearResult {
  if (input.s) return oneByOne(input, input.s);
  const aligned = input.mask_BT && alignLeft(input.mask_BT);
  if (!aligned) return allAtOnce(input);
  const { q_HKBT, k_HKBT, v_HVBT, logDecay_HBT, levels_HLBT } = input;
  const [q, k, v, g, levels] = [q_HKBT, k_HKBT, v_HVBT, logDecay_HBT, levels_HLBT].map(aligned.toFront) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const front = { q_HKBT: q, k_HKBT: k, v_HVBT: v, logDecay_HBT: g, levels_HLBT: levels };
  const { o_HVBT, s } = allAtOnce(front, aligned.lengths_B);
  return { o_HVBT: aligned.toPlace(o_HVBT), s };
}

function allAtOnce(input: LogLinearInput, lengths_B?: Tensor): LogLinearResult {
  const { q_HKBT, k_HKBT, v_HVBT, levels_HLBT } = input;
  const [L, T] = [levels_HLBT.dim(1), v_HVBT.dim(-1)];
  const level = (l: number) => levels_HLBT.slice(1, l, l + 1);
  const own = v_HVBT.mul(q_HKBT.mul(k_HKBT).sum(1, true).mul(level(0)));
  const parts = [own];
  for (let l = 1; l < L - 1 && 2 ** (l - 1) < T; l++) parts.push(siblings(input, level(l), 2 ** (l - 1)));
  if (2 ** (L - 2) < T) parts.push(older(input, level(L - 1), 2 ** (L - 2)));
  return { o_HVBT: parts.reduce((sum, part) => sum.add(part)), s: finalState(input, lengths_B) };
}

/** Up to here a bucket's keys are compared with each query; larger buckets are summed first. */
const largestCompared = 32;

/** Of every two blocks of b tokens, the second reads the first. */
function siblings({ q_HKBT, k_HKBT, v_HVBT, logDecay_HBT }: LogLinearInput, weight_H1BT: Tensor, b: number): Tensor {
  const T = v_HVBT.dim(-1);
  const pairs = (x: Tensor) => splitChunks(x, 2 * b);
  const g = pairs(logDecay_HBT).unsqueeze(-2);
  const since = g.slice(-1, b).cumsum(-1).exp();
  const until = g.slice(-1, 0, b).cumsum(-1, { reverse: true, exclusive: true }).exp();
  const q = pairs(q_HKBT.mul(weight_H1BT)).slice(-1, b).mul(since);
  const k = pairs(k_HKBT).slice(-1, 0, b).mul(until);
  const v = pairs(v_HVBT).slice(-1, 0, b);
  const o = b <= largestCompared ? v.matmul(k.matmul(q, { transA: true })) : v.matmul(k, { transB: true }).matmul(q);
  return joinChunks(o.pad(-1, b, 0), T);
}

/** Every block of b tokens reads all blocks before it. */
function older({ q_HKBT, k_HKBT, v_HVBT, logDecay_HBT }: LogLinearInput, weight_H1BT: Tensor, b: number): Tensor {
  const split = (x: Tensor) => splitChunks(x, b);
  const g = split(logDecay_HBT).unsqueeze(-2);
  const k = split(k_HKBT).mul(g.cumsum(-1, { reverse: true, exclusive: true }).exp());
  const added = split(v_HVBT).matmul(k, { transB: true });
  const { first, starts } = carryChunks({
    added: added.unsqueeze(3),
    logTotal: g.sum(-1, true).unsqueeze(3),
    start: undefined,
  });
  const q = split(q_HKBT.mul(weight_H1BT)).mul(g.cumsum(-1).exp());
  const o = starts!.squeeze(3).matmul(q.slice(0, first));
  return joinChunks(o.pad(0, first, 0), v_HVBT.dim(-1));
}

/** What a token at place n would find: token s is on the level of the highest bit in which s and n differ. */
function finalState({ k_HKBT, v_HVBT, logDecay_HBT, levels_HLBT }: LogLinearInput, lengths_B?: Tensor): LogLinearState {
  const [L, B, T] = [levels_HLBT.dim(1), v_HVBT.dim(-2), v_HVBT.dim(-1)];
  const n_B1 = (lengths_B ?? zeros([B], "i32").add(T)).unsqueeze(1);
  const [n, s] = [n_B1.cast("u32"), iota(T, "u32")];
  const left = logDecay_HBT.cumsum(-1, { reverse: true, exclusive: true }).exp();
  const keys = k_HKBT.mul(left.unsqueeze(1)).transpose([2, 0, 1, 3]);
  const values = v_HVBT.transpose([2, 0, 1, 3]);
  const earlier = iota(T).less(n_B1);
  const bucket = (l: number): Tensor => {
    if (l === L - 1)
      return s
        .shiftRight(l - 1)
        .cast("i32")
        .less(n.shiftRight(l - 1).cast("i32"));
    const odd = n
      .shiftRight(l - 1)
      .bitAnd(1)
      .equal(1);
    return s
      .shiftRight(l)
      .equal(n.shiftRight(l))
      .and(odd)
      .and(
        s
          .shiftRight(l - 1)
          .bitAnd(1)
          .equal(0),
      );
  };
  const sums = Array.from({ length: L - 1 }, (_, i) => {
    const inside = bucket(i + 1)
      .and(earlier)
      .cast("f32")
      .reshape([B, 1, 1, T]);
    return values.mul(inside).matmul(keys, { transB: true });
  });
  return { S_BLHVK: stack(1, sums), count_B1: n_B1.mod(2 ** (L - 1)).cast("f32") };
}

/** One token's columns, batch first. */
interface Token {
  q_BHK: Tensor;
  k_BHK: Tensor;
  v_BHV: Tensor;
  logDecay_BH: Tensor;
  levels_BHL: Tensor;
}

/** The decayed buckets; those that the new count fills up are merged with the token into the next larger one. */
function advance({ S_BLHVK, count_B1 }: LogLinearState, token: Token): LogLinearState & { o_BHV: Tensor } {
  const { q_BHK, k_BHK, v_BHV, logDecay_BH, levels_BHL } = token;
  const levels = S_BLHVK.dim(1);
  const kept = S_BLHVK.mul(logDecay_BH.exp().unsqueeze(1).unsqueeze(3).unsqueeze(4));
  const read = kept.mul(q_BHK.unsqueeze(1).unsqueeze(3)).sum(-1);
  const weights = levels_BHL.slice(2, 1).transpose([0, 2, 1]).unsqueeze(3);
  const own = v_BHV.mul(
    q_BHK
      .mul(k_BHK)
      .sum(-1, true)
      .mul(levels_BHL.slice(2, 0, 1)),
  );
  const n = count_B1
    .add(1.5)
    .cast("i32")
    .mod(2 ** levels);
  const sizes = (first: number) => constant(powers(levels, first), [levels], "i32");
  const isLast = iota(levels).equal(levels - 1);
  const merges = n.mod(sizes(1)).equal(0).and(isLast.not());
  const target = n.mod(sizes(0)).equal(0).and(merges.not());
  const perLevel = (x: Tensor) => x.cast("f32").reshape([-1, levels, 1, 1, 1]);
  const written = v_BHV.unsqueeze(3).mul(k_BHK.unsqueeze(2));
  const merged = kept.mul(perLevel(merges)).sum(1).add(written).unsqueeze(1);
  const S = kept.mul(perLevel(merges.not())).add(merged.mul(perLevel(target)));
  return { o_BHV: own.add(read.mul(weights).sum(1)), S_BLHVK: S, count_B1: n.cast("f32") };
}

const powers = (count: number, first: number): number[] => Array.from({ length: count }, (_, i) => 2 ** (i + first));

/** One time by the recurrence itself: columns with T = 1. */
export function logLinearStep(input: LogLinearInput & { s: LogLinearState }): LogLinearResult {
  const { o_BHV, ...s } = advance(input.s, tokenAt(input, 0));
  return { o_HVBT: o_BHV.transpose([1, 2, 0]).unsqueeze(-1), s };
}

const tokenAt = (input: LogLinearInput, t: number): Token => {
  const at = (x: Tensor) => x.at(-1, t);
  return {
    q_BHK: at(input.q_HKBT).transpose([2, 0, 1]),
    k_BHK: at(input.k_HKBT).transpose([2, 0, 1]),
    v_BHV: at(input.v_HVBT).transpose([2, 0, 1]),
    logDecay_BH: at(input.logDecay_HBT).transpose([1, 0]),
    levels_BHL: at(input.levels_HLBT).transpose([2, 0, 1]),
  };
};

/** States lie flat, a row a sequence, so that a token's mask fits them. */
function oneByOne(input: LogLinearInput, start: LogLinearState): LogLinearResult {
  const timeMajor = (x: Tensor) => x.transpose([x.rank - 1, x.rank - 2, ...x.shape.keys()].slice(0, x.rank));
  const { q_HKBT, k_HKBT, v_HVBT, logDecay_HBT, levels_HLBT } = input;
  const [H, V, B] = v_HVBT.shape as [number, number, number];
  const { shape } = start.S_BLHVK;
  const { s, emitted } = gateScan<{ S: Tensor; count: Tensor; o: Tensor }>({
    start: { S: start.S_BLHVK.reshape([B, -1]), count: start.count_B1, o: zeros([B, H * V]) },
    xs: [q_HKBT, k_HKBT, v_HVBT, logDecay_HBT, levels_HLBT].map(timeMajor),
    mask_BT: input.mask_BT,
    emit: "o",
    cell: ({ S, count }, [q, k, v, g, levels]) => {
      const token = { q_BHK: q!, k_BHK: k!, v_BHV: v!, logDecay_BH: g!, levels_BHL: levels! };
      const next = advance({ S_BLHVK: S.reshape(shape), count_B1: count }, token);
      return { S: next.S_BLHVK.reshape([B, -1]), count: next.count_B1, o: next.o_BHV.reshape([B, -1]) };
    },
  });
  const o_HVBT = emitted.transpose([2, 1, 0]).reshape([H, V, B, -1]);
  return { o_HVBT, s: { S_BLHVK: s.S.reshape(shape), count_B1: s.count } };
}
