import {
  type AnyNode,
  input,
  rewrite,
  type ScanBody,
  scanInputs,
  scanOf,
  sizeOf,
  type Tensor,
  topological,
  zeros,
} from "../tensor/index.ts";
import type { Pullback } from "./rule.ts";
import { vjp } from "./vjp.ts";

/**
 * Gradient of a scan: a scan in the opposite direction that carries the cotangents of the states. Whatever the body's
 * gradient reads of the forward body is stacked by the forward scan (residuals), so nothing is computed twice.
 * A captured matrix that is only a right factor of products gets its gradient outside, as one product over all steps.
 */
export function scanGrad({ inputs, attrs, cotangents, needs }: Pullback<"scan">): (Tensor | undefined)[] {
  const { body, length, reverse } = attrs;
  const { init, xs, captures } = scanInputs(attrs, inputs);
  const captureNeeds = needs.slice(init.length + xs.length);
  const products = sharedFactorProducts(
    body,
    captures.filter((_, i) => captureNeeds[i]),
  );
  const direct = captures.filter((t, i) => captureNeeds[i] && t.dtype === "f32" && !products.has(t));
  const wanted = body.xs.filter((t, i) => t.dtype === "f32" && needs[init.length + i]);
  const plan = differentiateBody(body, { wanted, direct, products: [...products.values()].flat(), captures });
  const forward = scanOf({ ...body, ys: [...body.ys, ...plan.residuals] }, { init, xs, length, reverse });
  const stacked = forward.ys.slice(body.ys.length);
  const dStates = body.states.map((t, i) => cotangents[i] ?? zeros(t.shape, t.dtype));
  const dYs = body.ys.map((t, i) => cotangents[init.length + i] ?? zeros([length, ...t.shape], t.dtype));
  const backward = scanOf(plan.body, {
    init: [...dStates, ...direct.map((t) => zeros(t.shape))],
    xs: [...dYs, ...stacked],
    length,
    reverse: !reverse,
  });
  const dProducts = backward.ys.slice(wanted.length);
  const outside = productGrads(products, { plan, stacked, dProducts });
  const dCaptures = captures.map(
    (t) => outside.get(t) ?? (direct.includes(t) ? backward.states[init.length + direct.indexOf(t)] : undefined),
  );
  return [
    ...init.map((t, i) => (t.dtype === "f32" ? backward.states[i] : undefined)),
    ...body.xs.map((t) => (wanted.includes(t) ? backward.ys[wanted.indexOf(t)] : undefined)),
    ...dCaptures,
  ];
}

type Product = Extract<AnyNode, { op: "matmul" }>;

/** Captured matrices whose every use in the body is as the right factor of a product with a [.., K] value of the body. */
function sharedFactorProducts(body: ScanBody, captures: readonly Tensor[]): Map<Tensor, Product[]> {
  const uses = new Map<Tensor, AnyNode[]>(captures.map((t) => [t, []]));
  const outputs = [...body.nextStates, ...body.ys];
  for (const node of topological(outputs, new Set([...body.states, ...body.xs, ...captures])))
    for (const t of new Set(node.inputs)) uses.get(t)?.push(node);
  const found = new Map<Tensor, Product[]>();
  for (const [t, nodes] of uses) {
    const products = nodes.filter(
      (node): node is Product =>
        node.op === "matmul" && node.inputs[1] === t && node.inputs[0] !== t && !node.attrs.transA && t.rank === 2,
    );
    if (products.length === nodes.length && products.length > 0 && !outputs.includes(t)) found.set(t, products);
  }
  return found;
}

interface BodyGradient {
  body: ScanBody;
  /** Values of the forward body that the gradient reads, in the order in which they are stacked. */
  residuals: Tensor[];
}

interface Differentiated {
  /** The xs that a gradient is asked for. */
  wanted: readonly Tensor[];
  direct: readonly Tensor[];
  products: readonly Product[];
  captures: readonly Tensor[];
}

/** The body of the backward scan: states = cotangents of states and of `direct` captures; ys = cotangents of `wanted` and products. */
function differentiateBody(forward: ScanBody, { wanted, direct, products, captures }: Differentiated): BodyGradient {
  const like = (t: Tensor) => input("", t.shape, t.dtype);
  const dNext = forward.nextStates.map(like);
  const dYs = forward.ys.map(like);
  const sums = direct.map(like);
  const factors = products.map((node) => node.outputs[0]!);
  const wrt = [...forward.states, ...wanted, ...factors, ...direct];
  const grads = vjp([...forward.nextStates, ...forward.ys], [...dNext, ...dYs], wrt, captures).map(
    (t, i) => t ?? zeros(wrt[i]!.shape, wrt[i]!.dtype),
  );
  const [dStates, dXs, dFactors, dDirect] = cut(grads, [
    forward.states.length,
    wanted.length,
    factors.length,
    direct.length,
  ]);
  const outputs = [...dStates!, ...dDirect!.map((g, i) => sums[i]!.add(g)), ...dXs!, ...dFactors!];
  const residuals = residualsOf(
    forward,
    outputs,
    products.map((node) => node.inputs[0]!),
  );
  const slices = residuals.map(like);
  const inside = rewrite(outputs, new Map(residuals.map((t, i) => [t, slices[i]!])));
  const states = dStates!.length + direct.length;
  return {
    residuals,
    body: {
      states: [...dNext, ...sums],
      xs: [...dYs, ...slices],
      nextStates: inside.slice(0, states),
      ys: inside.slice(states),
    },
  };
}

/** Tensors of the forward body (they depend on its placeholders) that the gradient reads directly, and the `wanted` ones. */
function residualsOf(forward: ScanBody, outputs: readonly Tensor[], wanted: readonly Tensor[]): Tensor[] {
  const inside = new Set<Tensor>([...forward.states, ...forward.xs]);
  for (const node of topological([...forward.nextStates, ...forward.ys]))
    if (node.inputs.some((t) => inside.has(t))) for (const t of node.outputs) inside.add(t);
  const residuals = new Set(wanted.filter((t) => inside.has(t)));
  for (const t of outputs) if (inside.has(t)) residuals.add(t);
  for (const node of topological(outputs, inside)) for (const t of node.inputs) if (inside.has(t)) residuals.add(t);
  return [...residuals];
}

/** dW of x·W (or x·Wᵀ) over all steps and rows at once. */
function productGrads(
  products: ReadonlyMap<Tensor, Product[]>,
  { plan, stacked, dProducts }: { plan: BodyGradient; stacked: readonly Tensor[]; dProducts: readonly Tensor[] },
): Map<Tensor, Tensor> {
  const result = new Map<Tensor, Tensor>();
  let index = 0;
  for (const [t, nodes] of products) {
    const parts = nodes.map(({ inputs: [x], attrs: { transB, alpha } }) => {
      const dy = dProducts[index++]!;
      const count = sizeOf(dy.shape.slice(0, -1));
      const rows = allSteps(x!, plan, stacked, dy.dim(0)).reshape([count, x!.dim(-1)]);
      const flat = dy.reshape([count, dy.dim(-1)]);
      return transB ? flat.matmul(rows, { transA: true, alpha }) : rows.matmul(flat, { transA: true, alpha });
    });
    result.set(
      t,
      parts.reduce((sum, part) => sum.add(part)),
    );
  }
  return result;
}

/** The left factor at every step: stacked where it varies, repeated where it is captured too. */
function allSteps(x: Tensor, plan: BodyGradient, stacked: readonly Tensor[], steps: number): Tensor {
  const at = plan.residuals.indexOf(x);
  return at >= 0 ? stacked[at]! : x.unsqueeze(0).expand([steps, ...x.shape]);
}

function cut<T>(list: readonly T[], sizes: readonly number[]): T[][] {
  const ends = sizes.map((_, i) => sizes.slice(0, i + 1).reduce((sum, size) => sum + size, 0));
  return sizes.map((size, i) => list.slice(ends[i]! - size, ends[i]!));
}
