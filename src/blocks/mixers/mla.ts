/**
 * Multi-head latent attention: keys and values of all heads are maps of one small latent vector a token, which is all that is
 * cached, beside one rotated key that the heads share, or rotated keys of a few heads.
 * Axes: B batch, T new tokens, C cached tokens, D model, H heads, R latent width, N width of the part without positions, P width
 * of the rotated part, V value width, L latent width of queries, Q heads with rotated keys of their own.
 */
import { z } from "zod";
import { blockwiseAttention } from "../../ops/index.ts";
import { concat, fail, rmsNorm, type Tensor } from "../../tensor/index.ts";
import { growingCache } from "../capabilities.ts";
import { defineMixer, type GrowingState, type Io, type MaybeState, type MixerContext } from "../define.ts";
import { oneToken } from "../one-token.ts";
import { rope } from "../positions/rope.ts";
import { gain, matrix, tensor } from "../weights/declare.ts";
import { linear, value, type Weight, type Weights } from "../weights/use.ts";
import { cacheOf, positionsOf } from "./attention-cache.ts";
import { mergeHeads, splitHeads } from "./attention-heads.ts";
import { expanded, inLatentSpace, type MlaForm, mapsOf, ownKeys } from "./mla-forms.ts";

const config = z.strictObject({
  heads: z.int().positive().default(4).describe("number of heads"),
  latent: z.int().positive().default(64).describe("width of the latent vector of keys and values that is cached"),
  queryLatent: z.int().positive().optional().describe("width of a latent vector of the queries (default: none)"),
  plainSize: z
    .int()
    .positive()
    .optional()
    .describe("width of a head's part without positions (default: width / heads)"),
  rotarySize: z
    .int()
    .min(0)
    .refine((size) => size % 2 === 0, "an even number")
    .default(8)
    .describe("width of the rotated part, whose key all heads share; 0: no positions"),
  rotaryHeads: z
    .int()
    .positive()
    .optional()
    .describe(
      "heads, the last ones, whose whole keys are maps of the token itself, rotated and cached; the others have no positions (x-transformers; needs rotarySize 0; default: none)",
    ),
  valueSize: z.int().positive().optional().describe("width of a head's values (default: width / heads)"),
  rope: rope.config.prefault({ layout: "interleaved" }).describe("rotation of the rotated part"),
  rotate: z
    .boolean()
    .optional()
    .describe(
      "whether that part is rotated; false: its shared key serves without positions (Kimi Linear; default: true)",
    ),
  latentNorm: z.boolean().default(true).describe("RMS norm of the latent vectors"),
  epsilon: z.number().positive().default(1e-6).describe("added to the mean square by the norms of the latents"),
  scale: z
    .number()
    .positive()
    .optional()
    .describe("factor on scores (default: 1/√ of the width of both parts of a query)"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => {
  if (c.rotaryHeads !== undefined) assertRotaryHeads(c, c.rotaryHeads);
  return {
    D,
    H: c.heads,
    R: c.latent,
    N: c.plainSize ?? D / c.heads,
    V: c.valueSize ?? D / c.heads,
    L: c.queryLatent ?? D,
    latentHeads: c.heads - (c.rotaryHeads ?? 0),
  };
};

/** Throws E_ROTARY_HEADS where all heads would be rotated, or every head a part of its own, too. */
function assertRotaryHeads({ heads, rotarySize }: C, rotaryHeads: number): void {
  if (rotaryHeads < heads && rotarySize === 0) return;
  fail({
    code: "E_ROTARY_HEADS",
    where: "mla.rotaryHeads",
    expected: `at most ${heads - 1} of ${heads} heads, and rotarySize 0`,
    got: `${rotaryHeads}, rotarySize ${rotarySize}`,
    hint: "Set rotarySize to 0: positions are in these heads or in a part of every head.",
  });
}
type Sizes = ReturnType<typeof dims>;

const params = ({ D, H, R, N, V, L, latentHeads }: Sizes, c: C) => {
  const P = c.rotarySize;
  return {
    ...(c.queryLatent !== undefined && {
      queryDown: matrix(D, L),
      ...(c.latentNorm && { queryNorm: gain(L) }),
    }),
    query: matrix(L, H * (N + P)),
    down: matrix(D, R + P),
    ...(c.latentNorm && { latentNorm: gain(R) }),
    ...(c.rotaryHeads !== undefined && { rotaryKey: matrix(D, c.rotaryHeads * N) }),
    keyUp: tensor([latentHeads, R, N], { kind: "normal", std: R ** -0.5 }),
    valueUp: tensor([H, R, V], { kind: "normal", std: R ** -0.5 }),
    out: matrix(H * V, D, { init: "residual" }),
  };
};

type State = { latent: GrowingState; rotated?: GrowingState; keys?: GrowingState };
const state = ({ R, N }: Sizes, { rotarySize: P, rotaryHeads: Q }: C): State => ({
  latent: { shape: (tokens) => [tokens, R], axis: 0 },
  ...(P > 0 && { rotated: { shape: (tokens) => [tokens, P], axis: 0 } }),
  ...(Q !== undefined && { keys: { shape: (tokens) => [Q, tokens, N], axis: 1 } }),
});

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<State>>;

export const mla = defineMixer({
  kind: "mla",
  title: "Multi-head latent attention",
  cite: { arxiv: "2405.04434", by: "DeepSeek-AI 2024 (DeepSeek-V2), section 2.1" },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "c_t = RMSNorm(W_c x_t),  k^R_t = RoPE(W_r x_t)   (cached)",
    "q_t, q^R_t = W_q x_t, RoPE(W_qr x_t)  (per head);  k_t, v_t = U_k c_t, U_v c_t  (per head)",
    "a_ts = softmax_s((q_t·k_s + q^R_t·k^R_s) / √(N + P)),  s ≤ t;  y_t = concat_h(Σ_s a_ts v_s) W_out",
    "rotaryHeads: q_t, k_t = RoPE(W_q x_t), RoPE(W_k x_t) in some heads (k_t cached), no positions in the others",
    "decoding: q_t·U_k c_s = (U_kᵀ q_t)·c_s,  Σ_s a_ts U_v c_s = U_v Σ_s a_ts c_s",
  ],
  config,
  dims,
  params,
  tune: [{ key: "latent", unit: 1 }],
  reads: ["mask_BT", "positions_BT"],
  capabilities: growingCache,
  state,
  forward: (x_BTD, at) => attend(x_BTD, at),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => attend(x_BTD, at)),
});

function attend(x_BTD: Tensor, at: At) {
  const { c, d, p, s, io } = at;
  const { latent_BTR, rotated_BTP } = compressed(x_BTD, at);
  const { plain, rotary } = queries(x_BTD, at);
  const continued = s.latent !== undefined && io.length_B !== undefined;
  const all = { at, latent_BTR, continued };
  const inLatent = (q: Tensor) => (continued ? inLatentSpace : expanded)(q, rotary, mapsOf(p, 0, d.latentHeads));
  const others = { fresh: rotated_BTP, old: s.rotated };
  if (!p.rotaryKey) {
    const { y, weights_BHTS } = attendBy(inLatent(plain), { ...all, ...others });
    return finished(y, at, { latent: latent_BTR, ...(rotated_BTP && { rotated: rotated_BTP }) }, weights_BHTS);
  }
  const [first, last] = plain.split(1, [d.latentHeads, c.rotaryHeads!]) as [Tensor, Tensor];
  const keys = rotated(splitHeads(linear(x_BTD, p.rotaryKey), c.rotaryHeads!), c, io);
  const form = ownKeys(rotated(last, c, io), mapsOf(p, d.latentHeads, d.H), { continued });
  const groups = [
    attendBy(inLatent(first), { ...all, ...others }),
    attendBy(form, { ...all, fresh: keys, old: s.keys }),
  ];
  const joined = (of: "y" | "weights_BHTS") =>
    concat(
      1,
      groups.map((group) => group[of]),
    );
  return finished(joined("y"), at, { latent: latent_BTR, keys }, joined("weights_BHTS"));
}

const finished = (y_BHTV: Tensor, { p }: At, s: { latent: Tensor; [field: string]: Tensor }, weights_BHTS: Tensor) => ({
  y: linear(mergeHeads(y_BHTV), p.out),
  s,
  probes: { weights_BHTS },
});

interface Attended {
  at: At;
  latent_BTR: Tensor;
  continued: boolean;
  /** What is cached beside the latents: of the new tokens, and of those before. */
  fresh: Tensor | undefined;
  old: Tensor | undefined;
}

/** A group of heads over the cached and the new tokens: [B, H, T, V]. */
function attendBy(form: MlaForm, { at: { c, d, s, io }, latent_BTR, continued, fresh, old }: Attended) {
  const own = form.keys(latent_BTR, fresh);
  const before = continued ? form.keys(s.latent!, old) : undefined;
  const { y_BHTV, weights_BHTS } = blockwiseAttention({
    q_BHTK: form.q_BHTK,
    k_BGTK: own.k,
    v_BGTV: own.v,
    causal: true,
    cached: cacheOf(
      { k: before?.k, v: before?.v },
      { length_B: io.length_B, queries: latent_BTR.dim(1), window: undefined },
    ),
    mask_BT: io.mask_BT,
    scale: c.scale ?? (d.N + c.rotarySize) ** -0.5,
  });
  return { y: form.values(y_BHTV), weights_BHTS };
}

/** The latent of keys and values [B, T, R], and the key [B, T, P] that all heads share. */
function compressed(x_BTD: Tensor, { c, d, p, io }: At) {
  const down = linear(x_BTD, p.down);
  const latent = down.slice(-1, 0, d.R);
  const latent_BTR = p.latentNorm ? normed(latent, p.latentNorm, c.epsilon) : latent;
  if (c.rotarySize === 0) return { latent_BTR, rotated_BTP: undefined };
  return { latent_BTR, rotated_BTP: rotated(down.slice(-1, d.R).unsqueeze(1), c, io).squeeze(1) };
}

/** Both parts of the queries, [B, H, T, N] and [B, H, T, P]. */
function queries(x_BTD: Tensor, { c, d, p, io }: At): { plain: Tensor; rotary: Tensor | undefined } {
  const down = p.queryDown ? linear(x_BTD, p.queryDown) : x_BTD;
  const q_BHTK = splitHeads(linear(p.queryNorm ? normed(down, p.queryNorm, c.epsilon) : down, p.query), d.H);
  if (c.rotarySize === 0) return { plain: q_BHTK, rotary: undefined };
  return { plain: q_BHTK.slice(-1, 0, d.N), rotary: rotated(q_BHTK.slice(-1, d.N), c, io) };
}

const normed = (x: Tensor, weight: Weight, epsilon: number): Tensor => rmsNorm(x, value(weight), epsilon);

function rotated(x_BHTP: Tensor, c: C, io: Io): Tensor {
  if (c.rotate === false) return x_BHTP;
  return rope.rotate!(x_BHTP, positionsOf(io, x_BHTP.dim(2)), {
    c: c.rope,
    d: rope.dims(c.rope, x_BHTP.dim(3)),
    p: {},
    b: {},
    io,
  });
}
