/**
 * Attention with bounded-memory control (ABC): tokens write to a fixed number of slots, whose contents are means weighted by what
 * each token gives a slot, and queries attend to the slots.
 * Axes: B batch, T time, D model, H heads of K channels, M slots; columns [… features, B, T].
 */
import { z } from "zod";
import {
  fromColumns,
  type GatedSlotsInput,
  type GatedSlotsResult,
  gatedSlots,
  gatedSlotsStep,
  toColumns,
} from "../../ops/index.ts";
import { concat, type Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type Io, type MaybeState, type MixerContext } from "../define.ts";
import { chunkTokens, headsOfWidth } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { matrix } from "../weights/declare.ts";
import { value, type Weight, type Weights } from "../weights/use.ts";

const config = z.strictObject({
  heads: headsOfWidth(),
  slots: z.int().positive().default(32).describe("slots per head"),
  limit: z
    .number()
    .positive()
    .max(40)
    .default(32)
    .describe("what a token gives a slot lies between e^−limit and e^limit"),
  chunk: chunkTokens(16),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.heads, K: D / c.heads, M: c.slots });
type Sizes = ReturnType<typeof dims>;
const params = ({ D, H, M }: Sizes) => ({
  q: matrix(D, D),
  k: matrix(D, D),
  v: matrix(D, D),
  give: matrix(D, H * M),
  out: matrix(D, D, { init: "residual" }),
});
/** `total` is what slots have been given so far. */
const state = ({ H, K, M }: Sizes) => ({ keys: [H, K, M], values: [H, K, M], total: [H, M] });
type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;

export const abc = defineMixer({
  kind: "abc",
  title: "Attention with bounded-memory control (ABC)",
  cite: { arxiv: "2110.02488", by: "Peng et al. 2022" },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "w_t = exp(W_s x_t)  (per slot);  z_t = Σ_{i ≤ t} w_i",
    "K_t = Σ_{i ≤ t} k_i w_iᵀ / z_t;  V_t = Σ_{i ≤ t} v_i w_iᵀ / z_t",
    "o_t = V_t softmax(K_tᵀ q_t / √K);  y_t = W_out o_t",
  ],
  config,
  dims,
  params,
  tune: [{ key: "slots", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: { ...recurrent, smooth: "away from ties" },
  state,
  forward: (x_BTD, at) => mix(x_BTD, at, (input) => gatedSlots({ ...input, chunk: at.c.chunk })),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, gatedSlotsStep)),
});

function mix(x_BTD: Tensor, { c, d, p, s, io }: At, form: (input: GatedSlotsInput) => GatedSlotsResult) {
  const heads = (weight: Weight) => toColumns(x_BTD, value(weight)).reshape([d.H, -1, x_BTD.dim(0), x_BTD.dim(1)]);
  const given = gifts(heads(p.give), { limit: c.limit, total_BHM: s.total, io });
  const { o_HVBT, keys_BHKM, values_BHVM } = form({
    q_HKBT: heads(p.q).mul(d.K ** -0.5),
    k_HKBT: heads(p.k),
    v_HVBT: heads(p.v),
    write_HMBT: given.write_HMBT,
    logDecay_HMBT: given.logDecay_HMBT,
    keys_BHKM: s.keys,
    values_BHVM: s.values,
  });
  const y = fromColumns(o_HVBT, value(p.out));
  return { y, s: { keys: keys_BHKM, values: values_BHVM, total: given.total_BHM } };
}

/** Less than any token gives: the share of nothing in a first token. */
const nothing = 1e-30;

/** The shares of slots that each token writes, and of what was there that stays: w_t / z_t and log(z_{t−1} / z_t). */
export function gifts(
  scores_HMBT: Tensor,
  { limit, total_BHM, io }: { limit: number; total_BHM: Tensor | undefined; io: Io },
) {
  const gift = scores_HMBT.maximum(-limit).minimum(limit).exp();
  const own = io.mask_BT ? gift.mul(io.mask_BT.cast("f32")) : gift;
  const sums = own.cumsum(-1);
  const start = total_BHM?.transpose([1, 2, 0]).unsqueeze(-1);
  const after = (start ? sums.add(start) : sums).maximum(nothing);
  const first = start ? start.maximum(nothing) : after.slice(-1, 0, 1).mul(0).add(nothing);
  const before = after.dim(-1) === 1 ? first : concat(-1, [first, after.slice(-1, 0, -1)]);
  return {
    write_HMBT: own.div(after),
    logDecay_HMBT: before.log().sub(after.log()),
    total_BHM: (start ? sums.add(start) : sums).at(-1, -1).transpose([2, 0, 1]),
  };
}
