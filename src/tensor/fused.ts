import { concat, iota, stack, where, zeros } from "./functions.ts";
import { rewrite, type Visit } from "./graph.ts";
import { type AnyNode, constant, Tensor } from "./tensor.ts";
import type { FusedOp, OpAttrs, RecordedBody } from "./vocabulary.ts";

type Expansion<K extends FusedOp> = (inputs: readonly Tensor[], attrs: OpAttrs[K]) => Tensor | readonly Tensor[];

/** The meaning of every fused op, in primitives: what the reference engine runs and native forms are tested against. */
export const expansions: { [K in FusedOp]: Expansion<K> } = {
  softmax: ([x], { axis }) => {
    const e = x!.sub(x!.max(axis, true)).exp();
    return e.div(e.sum(axis, true));
  },
  logSoftmax: ([x], { axis }) => {
    const shifted = x!.sub(x!.max(axis, true));
    return shifted.sub(shifted.exp().sum(axis, true).log());
  },
  layerNorm: ([x, gain, bias], { epsilon }) => {
    const centred = x!.sub(x!.mean(-1, true));
    return centred.div(centred.square().mean(-1, true).add(epsilon).sqrt()).mul(gain!).add(bias!);
  },
  rmsNorm: ([x, gain], { epsilon }) => x!.div(x!.square().mean(-1, true).add(epsilon).sqrt()).mul(gain!),
  gelu: ([x], { approximate }) =>
    approximate === "tanh"
      ? x!.mul(0.5).mul(
          x!
            .add(x!.pow(3).mul(0.044715))
            .mul(Math.sqrt(2 / Math.PI))
            .tanh()
            .add(1),
        )
      : x!.mul(x!.mul(Math.SQRT1_2).erf().mul(0.5).add(0.5)),
  silu: ([x]) => x!.mul(x!.sigmoid()),
  softmaxCrossEntropy: ([logits, targets]) =>
    logits!.logSoftmax(-1).gatherElements(-1, targets!.unsqueeze(-1)).squeeze(-1).neg(),
  unitLowerInverse: ([a]) => invertUnitLower(a!),
  custom: (inputs, { body }) => inlineBody(body, inputs),
  linearAttention: (inputs, { body }) => inlineBody(body, inputs),
};

/** What a recorded body computes from these inputs. */
export function inlineBody({ inputs: leaves, outputs }: RecordedBody, inputs: readonly Tensor[]): Tensor[] {
  return rewrite(outputs, new Map(leaves.map((t, i) => [t, inputs[i]!])));
}

/** Below this size all levels of doubling run on the whole matrix: products of smaller blocks cost more than they save. */
const smallestSplit = 16;

/**
 * Inverse by halves: with P, Q the inverses of the diagonal blocks, [[P⁻¹, 0], [B, Q⁻¹]]⁻¹ = [[P, 0], [−Q B P, Q]].
 * As stable as forward substitution. Both diagonal blocks are inverted together.
 */
function invertUnitLower(a: Tensor): Tensor {
  const size = a.dim(-1);
  const half = size / 2;
  if (size <= smallestSplit || size % 2 !== 0) return invertByDoubling(a);
  const [top, bottom] = a.split(-2, [half, half]) as [Tensor, Tensor];
  const inverses = invertUnitLower(stack(0, [top.slice(-1, 0, half), bottom.slice(-1, half)]));
  const [p, q] = [inverses.at(0, 0), inverses.at(0, 1)];
  const coupling = q.matmul(bottom.slice(-1, 0, half).matmul(p), { alpha: -1 });
  return concat(-2, [concat(-1, [p, zeros(p.shape)]), concat(-1, [coupling, q])]);
}

/** The same from blocks of size 1 upwards, on the whole matrix with masks: log₂ n levels of two products. */
function invertByDoubling(a: Tensor): Tensor {
  const size = a.dim(-1);
  const identity = where(iota(size).unsqueeze(1).equal(iota(size)), 1, 0);
  let inverse = size === 1 ? identity.expand(a.shape) : identity.sub(a.mul(couplingMask(size, 1)));
  for (let block = 2; block < size; block *= 2)
    inverse = inverse.sub(inverse.matmul(a.mul(couplingMask(size, block))).matmul(inverse));
  return inverse;
}

/** 1 where row and column lie in the two halves, lower and upper, of one diagonal block of size 2·block. */
function couplingMask(size: number, block: number): Tensor {
  const couples = (row: number, column: number) =>
    Math.floor(row / (2 * block)) === Math.floor(column / (2 * block)) &&
    row % (2 * block) >= block &&
    column % (2 * block) < block;
  return constant(
    Array.from({ length: size * size }, (_, i) => (couples(Math.floor(i / size), i % size) ? 1 : 0)),
    [size, size],
  );
}

export type FusedNode = Extract<AnyNode, { op: FusedOp }>;

export function isFused(node: AnyNode): node is FusedNode {
  return Object.hasOwn(expansions, node.op);
}

/** Replaces fused ops, also inside scans, by their expansions; `keep` tells which of them an engine runs as they are. */
export function expandFused(outputs: readonly Tensor[], keep: (node: FusedNode) => boolean = () => false): Tensor[] {
  const visit: Visit = (node, inputs) => {
    if (!isFused(node) || keep(node)) return undefined;
    const expanded = expand(node.op, inputs, node.attrs as OpAttrs[typeof node.op]);
    return rewrite(expanded, new Map(inputs.map((t) => [t, t])), visit);
  };
  return rewrite(outputs, new Map(), visit);
}

function expand<K extends FusedOp>(op: K, inputs: readonly Tensor[], attrs: OpAttrs[K]): readonly Tensor[] {
  const table: { [P in FusedOp]: Expansion<P> } = expansions;
  const expanded = table[op](inputs, attrs);
  return expanded instanceof Tensor ? [expanded] : expanded;
}
