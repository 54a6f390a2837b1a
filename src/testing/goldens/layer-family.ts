import type { Tensor } from "../../tensor/index.ts";
import type { Absent } from "./adapter.ts";
import type { StoredAttention } from "./attention-of.fixture.ts";
import type { GoldenCase } from "./golden-case.ts";
import type { PositionOptions } from "./hf-attention.fixture.ts";
import type { NormKind, Sublayer } from "./layer-parts.fixture.ts";

/** Options of `attention`; what the case's mask says comes before them. */
export interface AttentionOptions {
  readonly heads: number;
  readonly positions?: PositionOptions;
  readonly [option: string]: unknown;
}

export interface LayerAttention {
  maps: StoredAttention;
  options: AttentionOptions;
  /** The rotation whose tables the case stores, and how they repeat each angle. */
  tables?: PositionOptions;
  repeats?: "halves" | "neighbours";
}

/** One layer of a source in our parts. */
export interface Layer {
  attention: LayerAttention;
  /** Names of the modules, in front of and behind each branch; absent ones do nothing. */
  norms: {
    kind: NormKind;
    epsilon: number;
    attention?: string;
    attentionOut?: string;
    channel?: string;
    channelOut?: string;
  };
  channel: Sublayer;
  /**
   * serial: x + branch(x), twice; parallel: both branches read x; post: the norm stands behind the sum;
   * from-norm: as serial, but what a branch is added to is its norm's output. Default serial.
   */
  wiring?: "serial" | "parallel" | "post" | "from-norm";
  /** What happens to a branch (1 attention, 2 channel mixer) before the sum. */
  branch?: (t: Tensor, which: 1 | 2) => Tensor;
}

export type Family = (c: GoldenCase) => Layer | Absent;
