import { mergeHeads, splitHeads } from "../../blocks/mixers/attention-heads.ts";
import { rope } from "../../blocks/positions/rope.ts";
import { groupedProduct } from "../../ops/index.ts";
import { concat, constant, iota, stack, type Tensor, where } from "../../tensor/index.ts";
import type { Absent } from "./adapter.ts";
import { type StoredAttention, type StoredLinear, storedIo } from "./attention-of.fixture.ts";
import { mapped } from "./biased-attention.fixture.ts";
import type { GoldenCase } from "./golden-case.ts";

/** Settings of a transformers model, as far as attention reads them. */
export interface HfSettings {
  num_attention_heads: number;
  num_key_value_heads?: number;
  head_dim?: number;
  max_position_embeddings?: number;
  rope_parameters?: HfRope;
  readonly [other: string]: unknown;
}

interface HfRope {
  rope_type?: string;
  rope_theta?: number;
  factor?: number;
  partial_rotary_factor?: number;
  original_max_position_embeddings?: number;
  low_freq_factor?: number;
  high_freq_factor?: number;
  beta_fast?: number;
  beta_slow?: number;
  attention_factor?: number;
  truncate?: boolean;
  mscale?: number;
  mscale_all_dim?: number;
  short_factor?: readonly number[];
  long_factor?: readonly number[];
}

export const settingsOf = (c: GoldenCase): HfSettings => c.config.settings as HfSettings;

/** A position scheme and its options. */
export interface PositionOptions {
  readonly kind: string;
  readonly [option: string]: unknown;
}

/** Our `rope` for the settings; some kinds of scaling go by the number of tokens of the case. */
export function ropeOf(
  settings: HfSettings,
  layout: "halves" | "interleaved" = "halves",
  tokens?: number,
): PositionOptions | Absent {
  const { rope_parameters: r = {} } = settings;
  const scaling = scalingOf(r, { longest: settings.max_position_embeddings, tokens });
  if (typeof scaling === "string") return scaling;
  return { kind: "rope", base: r.rope_theta ?? 10_000, rotaryFraction: r.partial_rotary_factor ?? 1, layout, scaling };
}

function scalingOf(
  r: HfRope,
  { longest, tokens }: { longest: number | undefined; tokens: number | undefined },
): Record<string, unknown> | Absent {
  const { factor, original_max_position_embeddings: trained = longest } = r;
  switch (r.rope_type ?? "default") {
    case "default":
      return { kind: "none" };
    case "linear":
      return { kind: "linear", factor };
    case "llama3":
      return { kind: "llama3", factor, trained, low: r.low_freq_factor, high: r.high_freq_factor };
    case "yarn":
      return {
        kind: "yarn",
        factor,
        trained,
        fast: r.beta_fast,
        slow: r.beta_slow,
        truncate: r.truncate,
        amplitude: r.attention_factor ?? amplitudeRatio(r),
      };
    case "dynamic":
      return { kind: "dynamic", factor, trained: longest, length: tokens };
    case "longrope":
      return {
        kind: "longrope",
        factor,
        trained,
        divisors: (tokens ?? 0) > (trained ?? 0) ? r.long_factor : r.short_factor,
      };
    default:
      return `absent: rope scaling "${r.rope_type}"`;
  }
}

/** 0.1·m·ln(factor) + 1. */
export const yarnScale = (factor: number, m: number): number => (factor <= 1 ? 1 : 0.1 * m * Math.log(factor) + 1);

const amplitudeRatio = ({ factor = 1, mscale, mscale_all_dim: all }: HfRope): number | undefined =>
  mscale && all ? yarnScale(factor, mscale) / yarnScale(factor, all) : undefined;

/** The stored tables `out.rope_cos` and `out.rope_sin`, where the case has them: what turning (1, 0) gives, each angle once, twice in halves, or beside itself. */
export function ropeTables(
  c: GoldenCase,
  { kind: _, ...options }: PositionOptions,
  { headSize, repeats = "halves" }: { headSize: number; repeats?: "halves" | "neighbours" },
): Record<string, Tensor> {
  const stored = c.stored["out.rope_cos"];
  if (!stored) return {};
  const [, tokens, columns] = stored.shape as [number, number, number];
  const rotated = Math.round(headSize * Number(options.rotaryFraction));
  const config = rope.config.parse({ ...options, layout: "halves", rotaryFraction: 1 });
  const unit = constant(
    Array.from({ length: rotated }, (_, i) => (2 * i < rotated ? 1 : 0)),
    [rotated],
  ).expand([1, 1, tokens, rotated]);
  const at = { c: config, d: rope.dims(config, rotated), p: {}, b: {}, io: storedIo() };
  const [cos, sin] = rope.rotate!(unit, iota(tokens).unsqueeze(0), at)
    .squeeze(1)
    .split(2, [rotated / 2, rotated / 2]);
  const twice = (half: Tensor) =>
    repeats === "halves" ? concat(2, [half, half]) : stack(3, [half, half]).reshape([1, tokens, rotated]);
  const spread = (half: Tensor) => (columns === rotated ? twice(half) : half);
  return { "out.rope_cos": spread(cos!), "out.rope_sin": spread(sin!) };
}

/** What a case's mask [.., T, T] lets a query see by distance; all earlier keys where there is none. */
export function reachOf(c: GoldenCase): { causal: boolean; window?: number } {
  const stored = c.stored["in.mask"];
  if (!stored) return { causal: true };
  const T = stored.shape.at(-1)!;
  const distances = [...c.values("in.mask")].flatMap((visible, i) =>
    visible ? [(Math.floor(i / T) % T) - (i % T)] : [],
  );
  const window = Math.max(...distances) + 1;
  return { causal: Math.min(...distances) >= 0, ...(window < T && { window }) };
}

/** A case's mask [B, 1, T, T]: which tokens exist, and which queries see no key. */
export function masksOf(c: GoldenCase): { io: { mask_BT?: Tensor }; blind_BT?: Tensor } {
  const stored = c.stored["in.mask"];
  if (!stored) return { io: {} };
  const [B, T] = [stored.shape.length === 4 ? stored.shape[0]! : 1, stored.shape.at(-1)!];
  const mask = c.values("in.mask");
  const rows = Array.from({ length: B * T }, (_, i) => mask.subarray(i * T, (i + 1) * T));
  const flags = (of: number[]) => (of.includes(1) ? constant(of, [B, T], "bool") : undefined);
  const missing = flags(rows.map((visible, i) => (visible[i % T] ? 0 : 1)));
  const blind_BT = flags(rows.map((visible) => (visible.every((value) => value === 0) ? 1 : 0)));
  return { io: missing ? { mask_BT: missing.not() } : {}, ...(blind_BT && { blind_BT }) };
}

/** The same, of cases in which every query sees a key. */
export function maskOf(c: GoldenCase): { mask_BT?: Tensor } | Absent {
  const { io, blind_BT } = masksOf(c);
  return blind_BT ? "absent: a query that sees no key averages all values (here it gets zeros)" : io;
}

interface Seeing {
  x_BTD: Tensor;
  stored: StoredAttention;
  blind_BT: Tensor | undefined;
  /** Queries and keys before they meet, where masks are added to scores: their gradient then passes the mask. */
  heads?: { count: number; positions?: PositionOptions | undefined };
}

/** In transformers a query that sees no key has equal weights for all; ours has none, so that its heads give zeros. */
export function averageOfBlind(
  { y, weights }: { y: Tensor; weights: Tensor },
  { x_BTD, stored, blind_BT, heads }: Seeing,
): { y: Tensor; weights: Tensor } {
  if (!blind_BT) return { y, weights };
  const average = heads
    ? evenAttention(x_BTD, stored, heads)
    : mapped(mapped(x_BTD, stored.v).mean(1, true), stored.out);
  return {
    y: where(blind_BT.unsqueeze(-1), average, y),
    weights: where(blind_BT.unsqueeze(1).unsqueeze(-1), 1 / x_BTD.dim(1), weights),
  };
}

/** Attention whose scores are 0 but have the gradients of q·k. */
function evenAttention(x_BTD: Tensor, { q, k, v, out }: StoredAttention, given: NonNullable<Seeing["heads"]>): Tensor {
  const split = (map: StoredLinear) => splitHeads(mapped(x_BTD, map), given.count);
  const turned = (map: StoredLinear) => rotated(split(map), given.positions);
  const q_BHTK = turned(q);
  const scores = groupedProduct(q_BHTK, turned(k), q_BHTK.dim(3) ** -0.5);
  const weights = scores.sub(scores.stopGradient()).softmax(-1);
  return mapped(mergeHeads(weights.matmul(split(v))), out);
}

function rotated(x_BHTK: Tensor, { kind, ...options }: PositionOptions = { kind: "none" }): Tensor {
  if (kind !== "rope") return x_BHTK;
  const config = rope.config.parse(options);
  const at = { c: config, d: rope.dims(config, x_BHTK.dim(3)), p: {}, b: {}, io: storedIo() };
  return rope.rotate!(x_BHTK, iota(x_BHTK.dim(2)).unsqueeze(0), at);
}
