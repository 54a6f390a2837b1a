/** Gradient rules of elementwise ops, and of broadcasting. */
import { apply1, type BinaryOp, type Shape, scalar, type Tensor, type UnaryOp, where } from "../tensor/index.ts";
import type { GradRule } from "./rule.ts";

/** Sums a cotangent over the axes along which `shape` was broadcast. */
export function unbroadcast(g: Tensor, shape: Shape): Tensor {
  const extra = g.rank - shape.length;
  const axes = g.shape.flatMap((dim, axis) => (axis < extra || (shape[axis - extra] === 1 && dim !== 1) ? [axis] : []));
  return g.sum(axes, true).reshape(shape);
}

export const oneMinus = (x: Tensor): Tensor => scalar(1).sub(x);

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

export function unaryRules(): { [K in UnaryOp]: GradRule<K> } {
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

export const binaryRules: { [K in BinaryOp]: GradRule<K> } = {
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
