import type { Capabilities, Channel, Io } from "../blocks/index.ts";
import type { Tensor } from "../tensor/index.ts";
import {
  type Arrays,
  flatten,
  type Loose,
  mapArrays,
  type NdArray,
  type Nested,
  nest,
  randomNormal,
} from "./arrays.ts";
import { contextOf, plainIo, type TestedPart, withoutPrefix, withPrefix } from "./part.ts";
import type { Subject } from "./subject.ts";

type Fields = Record<string, unknown>;

/** What a naive form over tokens is given: nested arrays. */
export interface NaiveTokensArguments<C = Fields, D = Fields, P = Fields> {
  /** [B][T][D] */
  x: number[][][];
  /** [B][1][C], where the suite gives a condition; else empty. */
  condition: number[][][];
  p: { readonly [K in keyof P]: Loose };
  c: C;
  d: D;
}

/** y [B][T][D], and auxiliary losses by name, before their weights. */
export interface NaiveTokensResult {
  y: Nested;
  losses?: Readonly<Record<string, number>>;
}

/** A channel mixer or norm with one config, ready to be put through laws. */
export interface TokensRig {
  forward: Channel["forward"];
  reads: Channel["reads"];
  activeParams: number | undefined;
  part: TestedPart;
  capabilities: Omit<Capabilities, "state">;
  naive: (at: NaiveTokensArguments) => NaiveTokensResult;
  width: number;
  condition: number | undefined;
}

export const batch = 2;

export interface TokensRun {
  tokens: number;
  mode?: Io["mode"];
  mask_BT?: Tensor;
  /** Whether time is an axis: [B, T, D], or each token is given as a row of its own [B·T, D], as in decoding. */
  rows?: boolean;
}

/** Outputs `y` and `loss.<name>` as a function of `x` [B, T, D] and parameters `p.…`. */
export function tokensSubject(rig: TokensRig, { tokens, mode = "eval", mask_BT, rows = false }: TokensRun): Subject {
  const inputs = {
    x: randomNormal("tokens", [batch, tokens, rig.width]),
    ...(rig.condition !== undefined && { condition: randomNormal("condition", [batch, 1, rig.condition]) }),
    ...withPrefix("p.", rig.part.parameters),
  };
  return {
    inputs,
    build: (at) => {
      const cond_BTD = at.condition && (rows ? spread(at.condition, tokens) : at.condition);
      const io = { ...plainIo(mode), ...(mask_BT && { mask_BT }), ...(cond_BTD && { cond_BTD }) };
      const x = at.x!;
      const { y, losses = [] } = rig.forward(rows ? x.reshape([-1, rig.width]) : x, { ...contextOf(rig.part, at), io });
      const values = losses.map(({ name, value }) => [`loss.${name}`, value] as const);
      return { y: y.reshape(x.shape), ...Object.fromEntries(values) };
    },
  };
}

/** [B, 1, C] for each token as a row of its own: [B·T, 1, C]. */
const spread = (condition: Tensor, tokens: number): Tensor =>
  condition.expand([batch, tokens, condition.dim(2)]).reshape([batch * tokens, 1, condition.dim(2)]);

/** The naive form over arrays named like the subject's. */
export function naiveTokens({ part, naive }: TokensRig, inputs: Arrays): Arrays {
  const p = Object.fromEntries(Object.entries(withoutPrefix("p.", inputs)).map(([name, array]) => [name, nest(array)]));
  const condition = (inputs.condition ? nest(inputs.condition) : []) as number[][][];
  const { y, losses = {} } = naive({ x: nest(inputs.x!), condition, p, c: part.c, d: part.d });
  const scalars = mapArrays(losses, (value): NdArray => ({ shape: [], data: Float64Array.of(value) }));
  return { y: flatten(y), ...withPrefix("loss.", scalars) };
}
