import { concat, constant, iota, type Tensor, where, zeros } from "../tensor/index.ts";

/**
 * Depthwise causal convolution over time, the last tap on the present: y_t = b + Σ_j w_j x_{t−K+1+j}.
 * Axes: C channels, B batch, T time, K ≥ 2 taps, P = K − 1 past inputs; columns [C, B, T].
 */
export interface CausalConvInput {
  x_CBT: Tensor;
  kernel_CK: Tensor;
  bias_C?: Tensor | undefined;
  /** The inputs before the first, oldest first; absent means zeros. */
  state_BCP?: Tensor | undefined;
  /** bool, true at real tokens, which must be consecutive: padding before and after them is as if absent. */
  mask_BT?: Tensor | undefined;
}

export interface CausalConvResult {
  y_CBT: Tensor;
  /** The last K − 1 real inputs (earlier state where there were fewer), oldest first. */
  state_BCP: Tensor;
}

/**
 * As a product: a channel's times in blocks of `side`, times the Toeplitz matrix of its kernel, plus what reaches over
 * the block's start. Two products forward, four backward; K shifted copies would cost 3K passes and 5K.
 */
export function causalConv({ x_CBT, kernel_CK, bias_C, state_BCP, mask_BT }: CausalConvInput): CausalConvResult {
  const past = kernel_CK.dim(1) - 1;
  const given = state_BCP?.transpose([1, 0, 2]);
  const { x, before } = mask_BT ? withoutPadding({ x_CBT, mask_BT, before: given, past }) : { x: x_CBT, before: given };
  const after = finalInputs({ x, before, past, mask_BT });
  return { y_CBT: convolve({ x, before, kernel_CK, bias_C }), state_BCP: after.transpose([1, 0, 2]) };
}

/** One time: columns with T = 1. */
export function causalConvStep({ x_CBT, kernel_CK, bias_C, state_BCP }: CausalConvInput): CausalConvResult {
  const x_BC1 = x_CBT.transpose([1, 0, 2]);
  const window_BCK = concat(-1, [state_BCP ?? zeros([x_CBT.dim(1), x_CBT.dim(0), kernel_CK.dim(1) - 1]), x_BC1]);
  const y_BC = window_BCK.mul(kernel_CK).sum(-1);
  const y_CB = (bias_C ? y_BC.add(bias_C) : y_BC).transpose([1, 0]);
  return { y_CBT: y_CB.unsqueeze(-1), state_BCP: window_BCK.slice(-1, 1) };
}

/** Either form over parts whose channels follow each other in kernel, bias and state, without joining the parts. */
export function convolveParts(
  form: (input: CausalConvInput) => CausalConvResult,
  parts: readonly Tensor[],
  { kernel_CK, bias_C, state_BCP, mask_BT }: Omit<CausalConvInput, "x_CBT">,
): { parts: Tensor[]; state_BCP: Tensor } {
  const results = parts.map((x_CBT, i) => {
    const from = parts.slice(0, i).reduce((sum, part) => sum + part.dim(0), 0);
    const to = from + x_CBT.dim(0);
    const cut = (t: Tensor | undefined, axis: number) => t?.slice(axis, from, to);
    return form({
      x_CBT,
      kernel_CK: kernel_CK.slice(0, from, to),
      bias_C: cut(bias_C, 0),
      state_BCP: cut(state_BCP, 1),
      mask_BT,
    });
  });
  return {
    parts: results.map(({ y_CBT }) => y_CBT),
    state_BCP: concat(
      1,
      results.map((result) => result.state_BCP),
    ),
  };
}

interface History {
  x: Tensor;
  /** [C, B, P], absent where it is zero. */
  before: Tensor | undefined;
}

function convolve({ x, before, kernel_CK, bias_C }: History & Pick<CausalConvInput, "kernel_CK" | "bias_C">): Tensor {
  const [channels, batch, time] = x.shape as [number, number, number];
  const past = kernel_CK.dim(1) - 1;
  const side = Math.min(time, Math.max(32, past));
  const count = Math.ceil(time / side);
  const blocks = x.pad(-1, 0, count * side - time).reshape([channels, batch, count, side]);
  const tails = blockTails({ blocks, before: before ?? zeros([channels, batch, past]), past });
  const inside = blocks.reshape([channels, -1, side]).matmul(toeplitz(kernel_CK, { side, offset: 0, rows: side }));
  const y = inside.add(reachOver({ tails, kernel_CK, bias_C, side }));
  return y.reshape([channels, batch, count * side]).slice(-1, 0, time);
}

/** The P inputs before each block: [C, B, blocks, P]. */
function blockTails({ blocks, before, past }: { blocks: Tensor; before: Tensor; past: number }): Tensor {
  const count = blocks.dim(2);
  if (count === 1) return before.unsqueeze(2);
  return concat(2, [before.unsqueeze(2), blocks.slice(2, 0, count - 1).slice(-1, -past)]);
}

/** What the inputs before a block add to its outputs, and the bias: a column of ones rides along, which saves a pass. */
function reachOver({
  tails,
  kernel_CK,
  bias_C,
  side,
}: { tails: Tensor; side: number } & Pick<CausalConvInput, "kernel_CK" | "bias_C">): Tensor {
  const past = tails.dim(-1);
  const rows = tails.reshape([tails.dim(0), -1, past]);
  const matrix = toeplitz(kernel_CK, { side, offset: -past, rows: past });
  if (bias_C === undefined) return rows.matmul(matrix);
  const bias_C1S = bias_C.reshape([-1, 1, 1]).expand([bias_C.size, 1, side]);
  return rows.pad(-1, 0, 1, 1).matmul(concat(1, [matrix, bias_C1S]));
}

/** [C, rows, side]: how much input `offset` + row (counted from a block's start) adds to each output, linear in the kernel. */
function toeplitz(kernel_CK: Tensor, { side, offset, rows }: { side: number; offset: number; rows: number }): Tensor {
  const [channels, taps] = kernel_CK.shape as [number, number];
  const size = rows * side;
  const lagOf = (cell: number) => (cell % side) - Math.floor(cell / side) - offset;
  const hits = Array.from({ length: taps * size }, (_, i) =>
    lagOf(i % size) === taps - 1 - Math.floor(i / size) ? 1 : 0,
  );
  return kernel_CK.matmul(constant(hits, [taps, size])).reshape([channels, rows, side]);
}

/** Moves the state up to the first real token; without a state, padding becomes the zeros that stand before a sequence. */
function withoutPadding({
  x_CBT,
  mask_BT,
  before,
  past,
}: {
  x_CBT: Tensor;
  mask_BT: Tensor;
  before: Tensor | undefined;
  past: number;
}): History {
  if (before === undefined) return { x: x_CBT.mul(mask_BT.cast("f32")), before };
  const all = concat(-1, [before, x_CBT]);
  const slot = iota(all.dim(-1));
  const start_B1 = firstReal(mask_BT).unsqueeze(1);
  const source_BS = where(slot.less(start_B1.add(past)), slot.sub(start_B1).maximum(0), slot);
  const moved = all.gatherElements(-1, source_BS.expand(all.shape));
  return { x: moved.slice(-1, past), before: moved.slice(-1, 0, past) };
}

/** i32 [B]: how many padded positions come before the first real one. */
function firstReal(mask_BT: Tensor): Tensor {
  return mask_BT.cast("i32").cumsum(-1).equal(0).cast("i32").sum(-1);
}

/** [C, B, P]: the last inputs, or those up to the last real one. */
function finalInputs({ x, before, past, mask_BT }: History & { past: number; mask_BT: Tensor | undefined }): Tensor {
  if (mask_BT === undefined && x.dim(-1) >= past) return x.slice(-1, -past);
  const all = concat(-1, [before ?? zeros([x.dim(0), x.dim(1), past]), x]);
  if (mask_BT === undefined) return all.slice(-1, -past);
  const end_B = firstReal(mask_BT).add(mask_BT.cast("i32").sum(-1));
  const slots_BP = end_B.unsqueeze(1).add(iota(past));
  return all.gatherElements(-1, slots_BP.expand([x.dim(0), x.dim(1), past]));
}
