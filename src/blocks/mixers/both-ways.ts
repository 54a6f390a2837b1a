/** Tokens in their order and in the other one. Axes: B batch, T time, D model. */
import { concat, ones, type Tensor, where } from "../../tensor/index.ts";
import type { Io, Result } from "../define.ts";

export type Direction = "ahead" | "back";

/** Runs something over the tokens in their order and in the other one; both outputs stand in the order of the tokens. */
export function bothWays<R extends Pick<Result<unknown>, "y">>(
  x_BTD: Tensor,
  io: Io,
  run: (x_BTD: Tensor, direction: Direction, io: Io) => R,
): Record<Direction, R> {
  const back = run(x_BTD.flip(1), "back", mirrored(io));
  return { ahead: run(x_BTD, "ahead", io), back: { ...back, y: back.y.flip(1) } };
}

/** What goes with tokens in the other order. Padding changes sides; the time before a token is that after it. */
function mirrored({ mask_BT, positions_BT, dt_BT, segments_BT, ...rest }: Io): Io {
  return {
    ...rest,
    ...(mask_BT && { mask_BT: mask_BT.flip(1) }),
    ...(positions_BT && { positions_BT: positions_BT.flip(1) }),
    ...(segments_BT && { segments_BT: segments_BT.flip(1) }),
    ...(dt_BT && { dt_BT: timeAfter(dt_BT, mask_BT).flip(1) }),
  };
}

/** Time until the next token; 1 after the last. */
function timeAfter(dt_BT: Tensor, mask_BT: Tensor | undefined): Tensor {
  const last = ones([dt_BT.dim(0), 1]);
  const next = concat(1, [dt_BT.slice(1, 1), last]);
  if (!mask_BT) return next;
  const known = concat(1, [mask_BT.slice(1, 1).cast("f32"), last.mul(0)]).cast("bool");
  return where(known, next, 1);
}
