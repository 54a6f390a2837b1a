/**
 * Recurrences whose next state is a nonlinear function of the last one: they run step by step over time-major tensors.
 * Whatever depends on the input alone belongs outside, as one product over all steps; a cell holds the rest.
 * Axes: B batch, T time.
 */
import { scan, type Tensor, where } from "../tensor/index.ts";

/** Named tensors; a field that is absent at the start stays absent. */
type States<S> = { readonly [K in keyof S]?: Tensor | undefined };

/** States before a step and the step's slices of the inputs → states after it. */
export type GateCell<S extends States<S>> = (s: S, xs: readonly Tensor[]) => S;

export interface GateScanOptions<S extends States<S>> {
  /** States before the first step; [.., B, n] each. */
  start: S;
  /** Inputs with time as axis 0. */
  xs: readonly Tensor[];
  /** bool [B, T]: where false, the states pass unchanged. */
  mask_BT?: Tensor | undefined;
  /** The state that is returned for every step. */
  emit: keyof S;
  cell: GateCell<S>;
}

/** The states after the last step, and one of them after every step (time as axis 0). */
export function gateScan<S extends States<S>>(options: GateScanOptions<S>): { s: S; emitted: Tensor } {
  const { start, xs, mask_BT, emit, cell } = options;
  const names = Object.keys(start) as (keyof S)[];
  const record = (list: readonly Tensor[]) => Object.fromEntries(names.map((name, i) => [name, list[i]])) as S;
  const masks = mask_BT ? [timeMajor(mask_BT).unsqueeze(-1)] : [];
  const { states, ys } = scan({
    init: names.map((name) => start[name] as Tensor),
    xs: [...xs, ...masks],
    step: (before, slices) => {
      const after = cell(record(before), slices.slice(0, xs.length));
      const mask = slices[xs.length];
      const kept = names.map((name, i) => {
        const next = after[name] as Tensor;
        return mask ? where(mask, next, before[i]!) : next;
      });
      return { states: kept, ys: [kept[names.indexOf(emit)]!] };
    },
  });
  return { s: record(states), emitted: ys[0]! };
}

/** [B, T, ...] ↔ [T, B, ...]. */
export function timeMajor(x: Tensor): Tensor {
  return x.swap(0, 1);
}
