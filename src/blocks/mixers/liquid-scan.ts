/** The two forms of liquid networks, from what depends on the input alone and a cell. Axes: B batch, T time, H neurons. */
import { type GateCell, gateScan, timeMajor } from "../../ops/index.ts";
import { type Tensor, zeros } from "../../tensor/index.ts";
import type { Io } from "../define.ts";

/** `c` belongs to the LSTM cell of mixed memory. */
export interface LiquidState {
  readonly h: Tensor;
  readonly c?: Tensor;
}

export interface LiquidRecurrence {
  /** Of x with any leading axes. */
  shares: (x: Tensor) => Tensor[];
  /** Its inputs are the shares, and then Δt [B, 1] where time is given. */
  cell: GateCell<LiquidState>;
}

interface At {
  s: { readonly h?: Tensor | undefined; readonly c?: Tensor | undefined };
  io: Io;
  neurons: number;
  mixedMemory: boolean;
}

/** Potentials after every token, and the state after the last. */
export function liquidForward(
  x_BTD: Tensor,
  { shares, cell }: LiquidRecurrence,
  { s, io, neurons, mixedMemory }: At,
): { h_BTH: Tensor; s: LiquidState } {
  const empty = () => zeros([x_BTD.dim(0), neurons]);
  const start: LiquidState = { h: s.h ?? empty(), ...(mixedMemory && { c: s.c ?? empty() }) };
  const time = io.dt_BT ? [timeMajor(io.dt_BT).unsqueeze(-1)] : [];
  const xs = [...shares(timeMajor(x_BTD)), ...time];
  const { s: last, emitted } = gateScan<LiquidState>({ start, xs, mask_BT: io.mask_BT, emit: "h", cell });
  return { h_BTH: timeMajor(emitted), s: last };
}

export function liquidStep(
  x_BD: Tensor,
  { shares, cell }: LiquidRecurrence,
  { s, io }: { s: LiquidState; io: Io },
): LiquidState {
  return cell(s, [...shares(x_BD), ...(io.dt_BT ? [io.dt_BT.reshape([-1, 1])] : [])]);
}
