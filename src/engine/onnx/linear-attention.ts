import { type Shape, sizeOf, type Tensor } from "../../tensor/index.ts";
import type { Emitter } from "./emitter.ts";
import type { Emission } from "./rules.ts";

/**
 * ONNX Runtime's `LinearAttention`, which goes through time step by step with the state in cache. It wants rows [B, T, C] and
 * the state as [B, H, K, V]; the vocabulary has columns and [B, H, V, K].
 */
export function emitLinearAttention({ e, names, inputs, outputs, attrs }: Emission<"linearAttention">): string[] {
  const [q, , v] = inputs as [Tensor, Tensor, Tensor];
  const at = (input: string) => {
    const i = ["q", "k", "v", ...attrs.given].indexOf(input);
    return i < 0 ? undefined : { name: names[i]!, tensor: inputs[i]! };
  };
  // To read the state before it is written, every write comes one time later; the last one is read by nobody.
  const late = attrs.reads === "before-write";
  const write = (given: Rows) => (late ? padTime(e, toRows(e, given), [1, 0]) : toRows(e, given));
  const written = (input: string) => optional(at(input), ({ name, tensor }) => write({ name, shape: tensor.shape }));
  const update = `${at("logDecay") ? "gated" : ""}${at("logDecay") && at("beta") ? "_" : ""}${at("beta") ? "delta" : ""}`;
  const query = toRows(e, { name: names[0]!, shape: q.shape });
  const [o, state] = e.node(
    "LinearAttention",
    [
      late ? padTime(e, query, [0, 1]) : query,
      written("k"),
      write({ name: weighted(e, names[2]!, at("logWrite")), shape: v.shape }),
      optional(at("state"), ({ name }) => swapLast(e, name)),
      optional(at("logDecay"), (given) => write(overBatch(e, given, v.dim(-2)))),
      written("beta"),
    ],
    {
      q_num_heads: BigInt(q.dim(0)),
      kv_num_heads: BigInt(v.dim(0)),
      update_rule: update === "" ? "linear" : update,
      scale: 1,
    },
    { domain: "com.microsoft", outputs: 2 },
  );
  const read = late ? e.node("Slice", [o!, e.int64([0]), e.int64([v.dim(-1)]), e.int64([1])])[0]! : o!;
  const columns = e.node("Transpose", [read], { perm: [2n, 0n, 1n] })[0]!;
  return [e.node("Reshape", [columns, e.int64(outputs[0]!.shape)], { allowzero: 1n })[0]!, swapLast(e, state!)];
}

interface Given {
  name: string;
  tensor: Tensor;
}

/** Columns that become rows. */
interface Rows {
  name: string;
  shape: Shape;
}

/** Zeros before the first and after the last time of rows [B, T, C]. */
const padTime = (e: Emitter, rows: string, [before, after]: readonly [number, number]): string =>
  e.node("Pad", [rows, e.int64([0, before, 0, 0, after, 0])])[0]!;

/** An input that is not there has no name. */
const optional = (given: Given | undefined, emit: (given: Given) => string): string => (given ? emit(given) : "");

/** Decays may be the same for all sequences: […, 1, T] → […, B, T]. */
function overBatch(e: Emitter, { name, tensor }: Given, batch: number): Rows {
  const shape = tensor.shape.with(-2, batch);
  return { name: tensor.dim(-2) === batch ? name : e.node("Expand", [name, e.int64(shape)])[0]!, shape };
}

/** […features, B, T] → [B, T, features]. */
function toRows(e: Emitter, { name, shape }: Rows): string {
  const [batch, time] = shape.slice(-2) as [number, number];
  const features = sizeOf(shape.slice(0, -2));
  const flat = e.node("Reshape", [name, e.int64([features, batch, time])], { allowzero: 1n });
  return e.node("Transpose", flat, { perm: [1n, 2n, 0n] })[0]!;
}

const swapLast = (e: Emitter, name: string): string => e.node("Transpose", [name], { perm: [0n, 1n, 3n, 2n] })[0]!;

/** v [H, V, B, T] times exp of its log-factors [H, B, T]. */
function weighted(e: Emitter, v: string, logWrite: Given | undefined): string {
  if (!logWrite) return v;
  const factors = e.node("Unsqueeze", [e.node("Exp", [logWrite.name])[0]!, e.int64([1])]);
  return e.node("Mul", [v, factors[0]!])[0]!;
}
