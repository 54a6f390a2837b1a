import { rope } from "../../blocks/positions/rope.ts";
import { concat, constant, iota, stack, type Tensor } from "../../tensor/index.ts";
import type { Absent } from "./adapter.ts";
import { storedIo } from "./attention-of.fixture.ts";
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

/** A case's mask [B, 1, T, T], read as which tokens exist. */
export function maskOf(c: GoldenCase): { mask_BT?: Tensor } | Absent {
  const stored = c.stored["in.mask"];
  if (!stored) return {};
  const [B, T] = [stored.shape.length === 4 ? stored.shape[0]! : 1, stored.shape.at(-1)!];
  const mask = c.values("in.mask");
  const row = (i: number) => mask.subarray(i * T, (i + 1) * T);
  const rows = Array.from({ length: B * T }, (_, i) => row(i));
  if (rows.some((visible) => visible.every((value) => value === 0)))
    return "absent: a query that sees no key averages all values (here it gets zeros)";
  const exists = rows.map((visible, i) => visible[i % T]!);
  return exists.includes(0) ? { mask_BT: constant(exists, [B, T], "bool") } : {};
}
