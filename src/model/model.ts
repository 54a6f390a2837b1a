import type {
  AuxiliaryLoss,
  Capabilities,
  Family,
  Io,
  IoField,
  ParameterDeclaration,
  StateDeclaration,
} from "../blocks/index.ts";
import type { Shape, Tensor } from "../tensor/index.ts";
import type { FurtherLogits } from "./further-heads.ts";
import type { Source } from "./part.ts";
import type { ModelSpec } from "./spec.ts";

/** What a traced model returns. */
export interface ModelResult {
  /** [B, T, C] from `forward` ([B, R, C] where tokens are chosen by `read_BR`), [B, C] from `step`. */
  logits: Tensor;
  /** By state path: the final state, or the new entries of growing fields. */
  state: Record<string, Tensor>;
  losses: AuxiliaryLoss[];
  /** Of heads beside the main one, in training. */
  ahead?: readonly FurtherLogits[];
  /** Next values of buffers by path. */
  buffers: Record<string, Tensor>;
  probes: Record<string, Tensor>;
}

/** What a model is traced over: where weights and buffers come from, the state so far, and the io of its parts. */
export interface TraceContext {
  source: Source;
  io: Io;
  /** By state path; absent fields start as declared. */
  state?: Readonly<Record<string, Tensor>>;
  /** The sequence that an encoder reads; absent where the states already hold what the decoder needs of it. */
  from?: { ids_BS: Tensor; mask_BS?: Tensor };
  /** i32 [B, R]: the tokens whose logits `forward` returns, [B, R, C]; absent means all. */
  read_BR?: Tensor;
}

/** One layer's facts, for tables and diagrams. */
export interface LayerReport {
  path: string;
  mixer: string;
  cross?: string;
  channel: string;
  /** Of its own: none where the layer shares another's weights. */
  parameters: number;
  activeParameters: number;
  /** Channel mixers of which only some parameters act on a token. */
  sparse: readonly { path: string; activeParameters: number }[];
}

/** One part's facts, for messages. */
export interface PartReport {
  /** Absent: machinery of the stack. */
  family: Family | undefined;
  kind: string;
  /** Where it stands in the spec, such as `layers[3].mixer`. */
  where: string;
  flow: Capabilities["flow"];
  length: Capabilities["length"];
  /** Whether it lets tokens be made one by one. */
  decodes: boolean;
  /** What it cannot work without. */
  needs: readonly IoField[];
}

/** A model: a spec, its parameter tree, its states, and two ways to trace it. */
export interface Model {
  readonly spec: ModelSpec;
  /** C, ids the embedding and the head know. */
  readonly vocabulary: number;
  /** What `forward` reads: ids i32 [B, T], or F features a token f32 [B, T, F]. */
  readonly input: { kind: "ids" } | { kind: "features"; size: number };
  /** What comes out: scores of `outputs` ids, classes or values, a token or for the whole sequence. */
  readonly outputs: number;
  readonly per: "token" | "sequence";
  /** Whether `forward` wants a source (`context.from`). */
  readonly readsSource: boolean;
  /** Path → declaration, in the order of the stack. */
  readonly parameters: ReadonlyMap<string, ParameterDeclaration>;
  readonly buffers: ReadonlyMap<string, Shape>;
  readonly states: ReadonlyMap<string, StateDeclaration>;
  /** What holds for the whole stack: the weakest of its mixers. */
  readonly flow: Capabilities["flow"];
  readonly decodes: boolean;
  /** Every part, of the stack that writes first, then of the encoder. */
  readonly parts: readonly PartReport[];
  /** Longest sequence that is defined, Infinity if any. */
  readonly limit: number;
  /** Tokens of every input, where the embedding says of which grid they are the cells; undefined: as many as there are. */
  readonly length: number | undefined;
  /** Of the encoder, then of the stack that writes. */
  readonly layers: readonly LayerReport[];
  /** Parameters that act on one token. */
  readonly activeParameters: number;
  /** ids i32 [B, T] (or features) → logits [B, T, C], or [B, C] where one output stands for the sequence. */
  forward(ids_BT: Tensor, context: TraceContext): ModelResult;
  /** ids i32 [B] → logits [B, C]; the state must be complete. */
  step(ids_B: Tensor, context: TraceContext): ModelResult;
  /** Last norm and head over a stream [B, T, D] behind any layer: what the model would answer there ("logit lens"). */
  readOut(stream_BTD: Tensor, context: Pick<TraceContext, "source" | "io">): Tensor;
}

/** Elements of all declared parameters. */
export function parameterCount(parameters: ReadonlyMap<string, ParameterDeclaration>): number {
  let count = 0;
  for (const { shape } of parameters.values()) count += shape.reduce((product, dim) => product * dim, 1);
  return count;
}
