/** One table: primitive op → the op on inputs that carry a further axis in front. Axes: S places of that axis. */
import {
  apply,
  apply1,
  type BinaryOp,
  type BitOp,
  binaryOps,
  bitOps,
  type CompareOp,
  compareOps,
  iota,
  type LogicOp,
  logicOps,
  type PrimitiveAttrs,
  type PrimitiveOp,
  type ReduceOp,
  reduceOps,
  scalar,
  type Tensor,
  type UnaryOp,
  unaryOps,
} from "../tensor/index.ts";
import { batchScan } from "./batched-scan.ts";

/** An input of an op: as it was traced, or with S places in front. */
export interface Operand {
  before: Tensor;
  /** Undefined where all places share it. */
  batched: Tensor | undefined;
}

/** What a rule sees; it returns every output with S in front. At least one operand is batched. */
export interface Batching<K extends PrimitiveOp> {
  op: K;
  operands: readonly Operand[];
  attrs: PrimitiveAttrs[K];
  places: number;
}

type Rule<K extends PrimitiveOp> = (batching: Batching<K>) => Tensor[];
/** Leaves have no inputs that could carry the axis. */
type Ruled = Exclude<PrimitiveOp, "input" | "constant">;

/** An operand with the axis in front, whether it differs from place to place or not. */
export const lifted = ({ before, batched }: Operand, places: number): Tensor =>
  batched ?? before.expand([places, ...before.shape]);

/** An operand that broadcasts beside others of this rank (S not counted). */
function aligned({ before, batched }: Operand, rank: number): Tensor {
  if (batched === undefined) return before;
  const ones = new Array<number>(rank - before.rank).fill(1);
  return batched.reshape([batched.dim(0), ...ones, ...before.shape]);
}

/** Ops whose inputs broadcast, the product of matrices among them. */
const broadcasting = <K extends Ruled>({ op, operands, attrs }: Batching<K>): Tensor[] => {
  const rank = Math.max(...operands.map(({ before }) => before.rank));
  const inputs = operands.map((one) => aligned(one, rank));
  return apply(op, inputs, attrs as never);
};

/** Ops of which every input carries the axis; `attrs` are those for one axis more. */
function onAll<K extends Ruled>(attrsOf: (attrs: PrimitiveAttrs[K], places: number) => PrimitiveAttrs[K]): Rule<K> {
  return ({ op, operands, attrs, places }) =>
    apply(
      op,
      operands.map((one) => lifted(one, places)),
      attrsOf(attrs, places) as never,
    );
}

const nextAxis = <A extends { axis: number }>(attrs: A): A => ({ ...attrs, axis: attrs.axis + 1 });
const nextAxes = <A extends { axes: readonly number[] }>(attrs: A): A => ({
  ...attrs,
  axes: attrs.axes.map((axis) => axis + 1),
});

function rows<K extends Ruled>(ops: readonly K[], rule: Rule<K>): { [P in K]: Rule<P> } {
  return Object.fromEntries(ops.map((op) => [op, rule])) as unknown as { [P in K]: Rule<P> };
}

/** Slices of data along an axis; where both differ from place to place, from one list of all places' slices. */
const gather: Rule<"gather"> = ({ operands: [data, indices], attrs: { axis }, places }) => {
  const rank = indices!.before.rank;
  if (indices!.batched === undefined) return [data!.batched!.gather(axis + 1, indices!.before)];
  if (data!.batched === undefined) return [moved(data!.before.gather(axis, indices!.batched), axis, 0)];
  const front = moved(data!.batched, axis + 1, 1);
  const [, length, ...rest] = front.shape as [number, number, ...number[]];
  const first = iota(places)
    .mul(scalar(length, "i32"))
    .reshape([places, ...new Array<number>(rank).fill(1)]);
  const picked = front.reshape([places * length, ...rest]).gather(0, indices!.batched.add(first));
  // [S, ...indices, ...before, ...after] → the indices' axes between the others.
  const [own, head] = [axesFrom(1, rank), axesFrom(1 + rank, axis)];
  return [picked.transpose([0, ...head, ...own, ...axesFrom(1 + rank + axis, rest.length - axis)])];
};

const axesFrom = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);

/** One axis at another place, the others in their order. */
function moved(t: Tensor, from: number, to: number): Tensor {
  const others = t.shape.map((_, axis) => axis).filter((axis) => axis !== from);
  return t.transpose(others.toSpliced(to, 0, from));
}

/** Places are further sequences where kernels are shared, else further groups of channels. */
const convolution: Rule<"conv" | "convTranspose"> = ({ op, operands: [x, w], attrs, places }) => {
  const at = lifted(x!, places);
  const [batch, channels, ...spatial] = x!.before.shape as [number, number, ...number[]];
  if (w!.batched === undefined) {
    const y = apply1(op, [at.reshape([places * batch, channels, ...spatial]), w!.before], attrs as never);
    return [y.reshape([places, batch, ...y.shape.slice(1)])];
  }
  const [outer, ...kernel] = w!.before.shape as [number, ...number[]];
  const inputs = [
    moved(at, 0, 1).reshape([batch, places * channels, ...spatial]),
    w!.batched.reshape([places * outer, ...kernel]),
  ];
  const y = apply1(op, inputs, { ...attrs, groups: attrs.groups * places } as never);
  return [moved(y.reshape([batch, places, y.dim(1) / places, ...y.shape.slice(2)]), 1, 0)];
};

export const batchingRules: { readonly [K in Ruled]: Rule<K> } = {
  ...rows<UnaryOp>(unaryOps, broadcasting),
  ...rows<BinaryOp>(binaryOps, broadcasting),
  ...rows<CompareOp>(compareOps, broadcasting),
  ...rows<LogicOp>(logicOps, broadcasting),
  ...rows<BitOp>(bitOps, broadcasting),
  ...rows<ReduceOp>(reduceOps, onAll(nextAxes)),
  not: broadcasting,
  isNaN: broadcasting,
  cast: broadcasting,
  stopGradient: broadcasting,
  where: broadcasting,
  matmul: broadcasting,
  reshape: onAll(({ shape }, places) => ({ shape: [places, ...shape] })),
  transpose: onAll(({ perm }) => ({ perm: [0, ...perm.map((axis) => axis + 1)] })),
  expand: ({ operands: [x], attrs: { shape }, places }) => [aligned(x!, shape.length).expand([places, ...shape])],
  concat: onAll(nextAxis),
  slice: onAll(({ starts, ends, steps }, places) => ({
    starts: [0, ...starts],
    ends: [places, ...ends],
    steps: [1, ...steps],
  })),
  pad: onAll(({ before, after, value }) => ({ before: [0, ...before], after: [0, ...after], value })),
  flip: onAll(nextAxes),
  gather,
  gatherElements: onAll(nextAxis),
  scatterAdd: onAll(nextAxis),
  argmax: onAll(nextAxis),
  topk: onAll(nextAxis),
  cumsum: onAll(nextAxis),
  conv: convolution as Rule<"conv">,
  convTranspose: convolution as Rule<"convTranspose">,
  scan: batchScan,
};
