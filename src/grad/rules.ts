import {
  apply1,
  type BinaryOp,
  type BitOp,
  bitOps,
  type CompareOp,
  compareOps,
  concat,
  iota,
  type LogicOp,
  logicOps,
  type Op,
  type OpAttrs,
  type Shape,
  scalar,
  sizeOf,
  type Tensor,
  type UnaryOp,
  where,
  zeros,
} from "../tensor/index.ts";
import { convGrad, convTransposeGrad } from "./conv.ts";
import { fewRows } from "./late-lookups.ts";
import { layerNormGrad, rmsNormGrad } from "./norms.ts";
import { scanGrad } from "./scan.ts";

/** What a gradient rule sees: an op's inputs, outputs, attributes, and the cotangent of each output that has one. */
export interface Pullback<K extends Op> {
  inputs: readonly Tensor[];
  outputs: readonly Tensor[];
  attrs: OpAttrs[K];
  /** Cotangent of each output; undefined where nothing depends on it. */
  cotangents: readonly (Tensor | undefined)[];
  /** The cotangent of the first output. */
  g: Tensor;
  /** Whether input i is on the way to something asked for; others may be skipped. */
  needs: readonly boolean[];
}

/** Cotangent of each input, undefined where it is zero. */
export type GradRule<K extends Op> = (pullback: Pullback<K>) => (Tensor | undefined)[];

/** Sums a cotangent over the axes along which `shape` was broadcast. */
export function unbroadcast(g: Tensor, shape: Shape): Tensor {
  const extra = g.rank - shape.length;
  const axes = g.shape.flatMap((dim, axis) => (axis < extra || (shape[axis - extra] === 1 && dim !== 1) ? [axis] : []));
  return g.sum(axes, true).reshape(shape);
}

const oneMinus = (x: Tensor): Tensor => scalar(1).sub(x);

type UnaryDerivative = (x: Tensor, y: Tensor) => Tensor | undefined;

const unaryDerivatives: { [K in UnaryOp]: UnaryDerivative } = {
  neg: (x) => x.mul(0).sub(1),
  abs: (x) => x.sign(),
  sign: () => undefined,
  exp: (_, y) => y,
  log: (x) => x.reciprocal(),
  sqrt: (_, y) => y.reciprocal().mul(0.5),
  reciprocal: (_, y) => y.square().neg(),
  sin: (x) => x.cos(),
  cos: (x) => x.sin().neg(),
  tan: (_, y) => y.square().add(1),
  asin: (x) => oneMinus(x.square()).sqrt().reciprocal(),
  acos: (x) => oneMinus(x.square()).sqrt().reciprocal().neg(),
  atan: (x) => x.square().add(1).reciprocal(),
  sinh: (x) => apply1("cosh", [x], {}),
  cosh: (x) => apply1("sinh", [x], {}),
  tanh: (_, y) => oneMinus(y.square()),
  asinh: (x) => x.square().add(1).sqrt().reciprocal(),
  acosh: (x) => x.square().sub(1).sqrt().reciprocal(),
  atanh: (x) => oneMinus(x.square()).reciprocal(),
  erf: (x) =>
    x
      .square()
      .neg()
      .exp()
      .mul(2 / Math.sqrt(Math.PI)),
  sigmoid: (_, y) => y.sub(y.square()),
  softplus: (x) => x.sigmoid(),
  floor: () => undefined,
  ceil: () => undefined,
  round: () => undefined,
};

function unaryRules(): { [K in UnaryOp]: GradRule<K> } {
  const rule =
    (op: UnaryOp): GradRule<UnaryOp> =>
    ({ inputs, outputs, g }) => {
      if (op === "neg") return [g.neg()];
      const slope = unaryDerivatives[op](inputs[0]!, outputs[0]!);
      return [slope && g.mul(slope)];
    };
  const rows = Object.keys(unaryDerivatives).map((op) => [op, rule(op as UnaryOp)]);
  return Object.fromEntries(rows) as { [K in UnaryOp]: GradRule<K> };
}

/** A rule of a binary op from the two cotangents before un-broadcasting. */
function binary(
  partial: (a: Tensor, b: Tensor, g: Tensor, y: Tensor) => [() => Tensor | undefined, () => Tensor | undefined],
): GradRule<BinaryOp> {
  return ({ inputs: [a, b], outputs: [y], g, needs }) => {
    const parts = partial(a!, b!, g, y!);
    return [a!, b!].map((input, i) => {
      const part = needs[i] ? parts[i]!() : undefined;
      return part && unbroadcast(part, input.shape);
    });
  };
}

/** Constants, also broadcast ones. */
const isFixed = (t: Tensor): boolean =>
  t.node.op === "constant" || (t.node.op === "expand" && isFixed(t.node.inputs[0]!));

/**
 * Gradient of max or min: to the side that was chosen; on a tie half to each, and none against a constant (so that the
 * gradient of relu at 0 is 0); NaN passes it to both. As PyTorch's maximum, clamp and relu.
 */
function extremum(loses: (mine: Tensor, other: Tensor) => Tensor): GradRule<BinaryOp> {
  return binary((a, b, g) => {
    const share = (mine: Tensor, other: Tensor) =>
      where(loses(mine, other), 0, where(mine.equal(other), isFixed(other) ? 0 : 0.5, 1));
    return [() => g.mul(share(a, b)), () => g.mul(share(b, a))];
  });
}

const binaryRules: { [K in BinaryOp]: GradRule<K> } = {
  add: binary((_a, _b, g) => [() => g, () => g]),
  // Summed before it is negated: the broadcast side is the smaller one.
  sub: ({ inputs: [a, b], g, needs }) => [
    needs[0] ? unbroadcast(g, a!.shape) : undefined,
    needs[1] ? unbroadcast(g, b!.shape).neg() : undefined,
  ],
  mul: binary((a, b, g) => [() => g.mul(b), () => g.mul(a)]),
  div: binary((_a, b, g, y) => [() => g.div(b), () => g.mul(y).div(b).neg()]),
  pow: binary((a, b, g, y) => [
    () => g.mul(where(b.equal(0), 0, b.mul(a.pow(b.sub(1))))),
    () => {
      const flat = a.equal(0).and(b.greaterEqual(0));
      return g.mul(where(flat, 0, y.mul(where(flat, 1, a).log())));
    },
  ]),
  maximum: extremum((mine, other) => mine.less(other)),
  minimum: extremum((mine, other) => mine.greater(other)),
  mod: binary((a, b, g, y) => [() => g, () => g.mul(a.sub(y).div(b)).neg()]),
};

const none = () => [undefined, undefined];
function zeroRules<K extends Op>(ops: readonly K[]): { [P in K]: GradRule<P> } {
  return Object.fromEntries(ops.map((op) => [op, none])) as unknown as { [P in K]: GradRule<P> };
}

const keepAxes = (t: Tensor, like: Tensor, axes: readonly number[]) =>
  t.reshape(like.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim)));

/** Gradient of max or min over axes: shared evenly among the elements that attain it. */
const reduceExtremum: GradRule<"reduceMax" | "reduceMin"> = ({ inputs: [x], outputs: [y], attrs: { axes }, g }) => {
  const hit = where(x!.equal(keepAxes(y!, x!, axes)), 1, 0);
  return [keepAxes(g, x!, axes).div(hit.sum(axes, true)).mul(hit)];
};

/** Product of all other elements, one by one: exact where factors are zero. */
function reduceProdGrad({ inputs: [x], attrs: { axes }, g }: Pullback<"reduceProd">): Tensor[] {
  const rest = x!.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const perm = [...rest, ...axes];
  const inner = axes.reduce((product, axis) => product * x!.dim(axis), 1);
  if (inner === 0) return [zeros(x!.shape)];
  if (inner === 1) return [g.reshape(x!.shape)];
  const flat = x!.transpose(perm).reshape([x!.size / inner, inner]);
  const others = Array.from({ length: inner }, (_, i) =>
    concat(
      1,
      [flat.slice(1, 0, i), flat.slice(1, i + 1)].filter((part) => part.dim(1) > 0),
    ).prod(1, true),
  );
  const each = concat(1, others).mul(g.reshape([x!.size / inner, 1]));
  const inverse = perm.map((_, axis) => perm.indexOf(axis));
  return [each.reshape(perm.map((axis) => x!.dim(axis))).transpose(inverse)];
}

function matmulGrad({
  inputs: [a, b],
  attrs: { transA, transB, alpha },
  g,
  needs,
}: Pullback<"matmul">): (Tensor | undefined)[] {
  const da = () =>
    transA ? b!.matmul(g, { transA: transB, transB: true, alpha }) : g.matmul(b!, { transB: !transB, alpha });
  const db = () => weightGrad(a!, b!, g, { transA, transB, alpha });
  return [needs[0] ? unbroadcast(da(), a!.shape) : undefined, needs[1] ? db() : undefined];
}

/** For a matrix shared by the batch, one product over all rows at once instead of a batch of products that is then summed. */
function weightGrad(a: Tensor, b: Tensor, g: Tensor, { transA, transB, alpha }: OpAttrs["matmul"]): Tensor {
  const shared = b.rank === 2 && !transA;
  const rows = sizeOf(a.shape.slice(0, -1));
  const [x, dy] = shared ? [a.reshape([rows, a.dim(-1)]), g.reshape([rows, g.dim(-1)])] : [a, g];
  const db = transB ? dy.matmul(x, { transA: true, transB: transA, alpha }) : x.matmul(dy, { transA: !transA, alpha });
  return unbroadcast(db, b.shape);
}

function sliceGrad({ inputs: [x], attrs: { starts, steps }, g }: Pullback<"slice">): Tensor[] {
  const spread = g.shape.reduce((t, _, axis) => dilate(t, axis, steps[axis]!), g);
  const after = spread.shape.map((dim, axis) => x!.dim(axis) - starts[axis]! - dim);
  const cut = after.reduce((t, room, axis) => (room < 0 ? t.slice(axis, 0, t.dim(axis) + room) : t), spread);
  const pads = { before: starts, after: after.map((room) => Math.max(0, room)), value: 0 };
  return [pads.before.every((n) => n === 0) && pads.after.every((n) => n === 0) ? cut : apply1("pad", [cut], pads)];
}

/** Inserts step − 1 zeros after every element of an axis. */
function dilate(t: Tensor, axis: number, step: number): Tensor {
  if (step === 1) return t;
  const spread = t.unsqueeze(axis + 1).pad(axis + 1, 0, step - 1);
  return spread.reshape(t.shape.map((dim, i) => (i === axis ? dim * step : dim)));
}

function gatherGrad({ inputs: [data, indices], attrs: { axis }, g }: Pullback<"gather">): (Tensor | undefined)[] {
  if (data!.rank === 2 && axis === 0 && data!.dim(0) <= fewRows) return [rowSums(data!, indices!, g), undefined];
  const before = data!.shape.slice(0, axis);
  const after = data!.shape.slice(axis + 1);
  const count = indices!.size;
  const updates = g.reshape([...before, count, ...after]);
  const spread = indices!.reshape([...before.map(() => 1), count, ...after.map(() => 1)]).expand(updates.shape);
  return [zeros(data!.shape).scatterAdd(axis, spread, updates), undefined];
}

/** Σ of g's rows by the table row that each was looked up from. */
function rowSums(table: Tensor, ids: Tensor, g: Tensor): Tensor {
  const rows = iota(table.dim(0))
    .unsqueeze(1)
    .equal(ids.reshape([1, ids.size]))
    .cast("f32");
  return rows.matmul(g.reshape([ids.size, table.dim(1)]));
}

function concatGrad({ inputs, attrs: { axis }, g }: Pullback<"concat">): Tensor[] {
  return g.split(
    axis,
    inputs.map((part) => part.dim(axis)),
  );
}

/** Softmax's Jacobian is diag(p) − p pᵀ. */
function softmaxGrad({ outputs: [p], attrs: { axis }, g }: Pullback<"softmax">): Tensor[] {
  const weighted = g.mul(p!);
  return [weighted.sub(p!.mul(weighted.sum(axis, true)))];
}

function geluGrad({ inputs: [x], attrs: { approximate }, g }: Pullback<"gelu">): Tensor[] {
  if (approximate === "none") {
    // With u = x/√2, the density's share is x·φ(x) = u·exp(−u²)/√π: one pass less than from x.
    const u = x!.mul(Math.SQRT1_2);
    const cdf = u.erf().mul(0.5).add(0.5);
    const weighted = u.mul(
      scalar(-0.5 * Math.log(Math.PI))
        .sub(u.square())
        .exp(),
    );
    return [g.mul(cdf.add(weighted))];
  }
  const scale = Math.sqrt(2 / Math.PI);
  const square = x!.square();
  const t = x!.mul(square.mul(0.044715 * scale).add(scale)).tanh();
  const inner = square.mul(3 * 0.044715 * scale).add(scale);
  const slope = t
    .add(1)
    .mul(0.5)
    .add(x!.mul(0.5).mul(oneMinus(t.square())).mul(inner));
  return [g.mul(slope)];
}

/** d logits = p − y, weighted; one scatter onto the softmax. */
function crossEntropyGrad({ inputs: [logits, targets], g }: Pullback<"softmaxCrossEntropy">): (Tensor | undefined)[] {
  const weight = g.unsqueeze(-1);
  const p = logits!.softmax(-1).mul(weight);
  return [p.scatterAdd(1, targets!.unsqueeze(-1), weight.neg()), undefined];
}

/** d A = −Xᵀ G Xᵀ on the strict lower part, X the inverse. */
function unitLowerInverseGrad({ outputs: [inverse], g }: Pullback<"unitLowerInverse">): Tensor[] {
  const full = inverse!.matmul(g, { transA: true }).matmul(inverse!, { transB: true, alpha: -1 });
  const size = full.dim(-1);
  return [where(iota(size).unsqueeze(1).greater(iota(size)), full, 0)];
}

/** Values flow back to where they came from. */
function topkGrad({
  inputs: [x],
  outputs: [, indices],
  attrs: { axis },
  cotangents: [g],
}: Pullback<"topk">): (Tensor | undefined)[] {
  return [g && zeros(x!.shape).scatterAdd(axis, indices!, g)];
}

/** With s = σ(x) and y = x·s: y' = s·(1 + x − y). */
function siluGrad({ inputs: [x], outputs: [y], g }: Pullback<"silu">): Tensor[] {
  return [g.mul(x!.sub(y!).add(1).mul(x!.sigmoid()))];
}

/** Gradient rule of every op: the whole of automatic differentiation besides the walk in `vjp.ts`. */
export const gradRules: { [K in Op]: GradRule<K> } = {
  ...unaryRules(),
  ...binaryRules,
  ...zeroRules<CompareOp>(compareOps),
  ...zeroRules<LogicOp>(logicOps),
  ...zeroRules<BitOp>(bitOps),
  ...zeroRules(["not", "isNaN", "stopGradient", "argmax", "input", "constant"] as const),
  reduceSum: ({ inputs: [x], attrs: { axes }, g }) => [keepAxes(g, x!, axes).expand(x!.shape)],
  reduceMax: reduceExtremum,
  reduceMin: reduceExtremum,
  reduceProd: reduceProdGrad,
  cast: ({ inputs: [x], g }) => [x!.dtype === "f32" ? g.cast("f32") : undefined],
  where: ({ inputs: [condition, a, b], g }) => [
    undefined,
    unbroadcast(where(condition!, g, 0), a!.shape),
    unbroadcast(where(condition!, 0, g), b!.shape),
  ],
  matmul: matmulGrad,
  reshape: ({ inputs: [x], g }) => [g.reshape(x!.shape)],
  transpose: ({ attrs: { perm }, g }) => [g.transpose(perm.map((_, axis) => perm.indexOf(axis)))],
  expand: ({ inputs: [x], g }) => [unbroadcast(g, x!.shape)],
  concat: concatGrad,
  slice: sliceGrad,
  pad: ({ inputs: [x], attrs: { before }, g }) => [
    x!.shape.reduce((t, dim, axis) => t.slice(axis, before[axis]!, before[axis]! + dim), g),
  ],
  flip: ({ attrs, g }) => [apply1("flip", [g], attrs)],
  gather: gatherGrad,
  gatherElements: ({ inputs: [data, indices], attrs: { axis }, g }) => [
    zeros(data!.shape).scatterAdd(axis, indices!, g),
    undefined,
  ],
  scatterAdd: ({ inputs: [, indices], attrs: { axis }, g }) => [g, undefined, g.gatherElements(axis, indices!)],
  topk: topkGrad,
  cumsum: ({ attrs: { axis, exclusive, reverse }, g }) => [g.cumsum(axis, { exclusive, reverse: !reverse })],
  conv: convGrad,
  convTranspose: convTransposeGrad,
  scan: scanGrad,
  softmax: softmaxGrad,
  logSoftmax: ({ outputs: [y], attrs: { axis }, g }) => [g.sub(y!.exp().mul(g.sum(axis, true)))],
  layerNorm: layerNormGrad,
  rmsNorm: rmsNormGrad,
  gelu: geluGrad,
  silu: siluGrad,
  softmaxCrossEntropy: crossEntropyGrad,
  unitLowerInverse: unitLowerInverseGrad,
  custom: ({ inputs, outputs: [y], attrs: { backward }, g }) => [...backward({ inputs, y: y!, g })],
};
