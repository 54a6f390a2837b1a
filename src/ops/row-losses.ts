/**
 * Losses of logits over many classes, some rows after the other: their logits are computed anew in the backward pass (as attention's
 * scores in `recomputedBlocks`), so that a training step never holds those of all rows, nor their gradients.
 * Axes: N rows, n some of them, D features, C classes.
 */
import { gated, gateOf, vjp } from "../grad/index.ts";
import { concat, customGradient, softmaxCrossEntropy, type Tensor } from "../tensor/index.ts";
import { type RowHead, rowHeadOf } from "./row-head.ts";

/** A loss of every row, [..., C] and [...] → [...]; it reads nothing else. */
export type RowLoss = (logits: Tensor, targets: Tensor) => Tensor;

/** Logits that are kept as a whole, 128 MB: below, computing them again costs more than their memory is worth. */
const mostKept = 2 ** 25;
/** Logits at a time beyond it. */
const mostAtOnce = 2 ** 23;

const rowsAtOnce = ({ size }: Tensor, classes: number): number =>
  size <= mostKept ? size : Math.max(1, Math.floor(mostAtOnce / classes));

/**
 * `loss` of logits [..., C] and targets i32 [...], `rows` at a time where the logits are a product with a matrix, with nothing
 * between but what treats each row alike.
 */
export function rowLosses(
  logits: Tensor,
  targets: Tensor,
  loss: RowLoss = softmaxCrossEntropy,
  rows = rowsAtOnce(logits, logits.dim(-1)),
): Tensor {
  const head = targets.size > rows ? rowHeadOf(logits) : undefined;
  if (head === undefined) return loss(logits, targets);
  const form = { loss, head, rows };
  const y_N = customGradient([head.x_ND, targets.reshape([-1]), ...head.others], {
    forward: (inputs) => inRows(inputs, form),
    backward: ({ inputs, g }) => backward(inputs, g, form),
  });
  return y_N.reshape(targets.shape);
}

interface Form {
  loss: RowLoss;
  head: RowHead;
  rows: number;
}

const spansOf = (length: number, rows: number) =>
  Array.from({ length: Math.ceil(length / rows) }, (_, i) => ({
    start: i * rows,
    end: Math.min(length, (i + 1) * rows),
  }));

function inRows([x_ND, targets_N, ...others]: readonly Tensor[], { loss, head, rows }: Form): Tensor {
  const parts = spansOf(x_ND!.dim(0), rows).map(({ start, end }) =>
    loss(head.logits(x_ND!.slice(0, start, end), others), targets_N!.slice(0, start, end)),
  );
  return concat(0, parts);
}

/** Rows from first to last; what is computed anew waits for all gradients of the rows before. */
function backward([x_ND, targets_N, ...others]: readonly Tensor[], g_N: Tensor, { loss, head, rows }: Form) {
  let gate = gateOf([g_N]);
  const dx: Tensor[] = [];
  const sums = others.map((): Tensor | undefined => undefined);
  for (const { start, end } of spansOf(x_ND!.dim(0), rows)) {
    const x_nD = gated(x_ND!.slice(0, start, end), gate);
    const y_n = loss(head.logits(x_nD, others), targets_N!.slice(0, start, end));
    const leaves = [x_nD, ...others];
    const [own, ...rest] = vjp([y_n], [g_N.slice(0, start, end)], leaves, leaves);
    dx.push(own!);
    for (const [i, d] of rest.entries()) if (d) sums[i] = sums[i]?.add(d) ?? d;
    gate = gateOf([own!, ...sums.filter((sum) => sum !== undefined)]);
  }
  return [concat(0, dx), undefined, ...sums];
}
