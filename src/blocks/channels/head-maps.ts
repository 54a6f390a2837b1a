/**
 * Linear maps of which every head takes a weighted sum of k of its own for each token (SwitchHead's values and outputs).
 * Axes: N tokens, H heads, R = N·H rows (heads of a token side by side), K choices, E maps a head, X = H·E maps, I inputs,
 * O outputs, S slots.
 */
import { blockDispatch, oneHot, type Routing } from "../../ops/index.ts";
import { iota, type Tensor } from "../../tensor/index.ts";
import { blockFor, savesBySorting } from "./experts.ts";

export interface HeadMaps {
  heads: number;
  /** Choices of R rows among the E maps of their head. */
  routing: Routing;
  /** [H·E, I, O], the maps of a head side by side. */
  maps_XIO: Tensor;
  /** dense: every map on every token; blocks: each on its own; auto: whichever has less work. The result is the same. */
  form: HeadMapForm;
}
export const headMapForms = ["auto", "dense", "blocks"] as const;
export type HeadMapForm = (typeof headMapForms)[number];

/** One input for all heads: x [N, I] → [H, N, O]. */
export function mapToHeads(x_NI: Tensor, maps: HeadMaps): Tensor {
  const { heads: H, maps_XIO } = maps;
  const [N, I] = x_NI.shape as [number, number];
  if (isDense(maps)) {
    const y_HENO = x_NI
      .unsqueeze(0)
      .matmul(maps_XIO)
      .reshape([H, -1, N, maps_XIO.dim(2)]);
    return y_HENO.mul(weightsByMap(maps)).sum(1);
  }
  const x_RI = x_NI
    .unsqueeze(1)
    .expand([N, H, I])
    .reshape([N * H, I]);
  return mapRows(x_RI, maps).reshape([N, H, -1]).swap(0, 1);
}

/** One input a head: x [H, N, I] → the sum over heads [N, O]. */
export function mapFromHeads(x_HNI: Tensor, maps: HeadMaps): Tensor {
  const { heads: H, maps_XIO } = maps;
  const [, N, I] = x_HNI.shape as [number, number, number];
  if (isDense(maps)) {
    const x_XNI = x_HNI.unsqueeze(1).mul(weightsByMap(maps)).reshape([-1, N, I]);
    return x_XNI.matmul(maps_XIO).sum(0);
  }
  const x_RI = x_HNI.swap(0, 1).reshape([N * H, I]);
  return mapRows(x_RI, maps).reshape([N, H, -1]).sum(1);
}

function isDense({ heads, routing, maps_XIO, form }: HeadMaps): boolean {
  const [R, K] = routing.experts_NK.shape as [number, number];
  const auto = !savesBySorting({ tokens: R / heads, choices: R * K, experts: maps_XIO.dim(0) });
  return form === "dense" || (form === "auto" && auto);
}

/** Weight of every map of a head, 0 where it is not chosen: [H, E, N, 1]. */
function weightsByMap({ heads: H, routing: { weights_NK, chosen_NKE } }: HeadMaps): Tensor {
  const weights_RE = weights_NK.unsqueeze(-1).mul(chosen_NKE).sum(1);
  return weights_RE
    .reshape([-1, H, weights_RE.dim(1)])
    .transpose([1, 2, 0])
    .unsqueeze(-1);
}

/** Rows sorted by map into blocks, one product a block: [R, I] → [R, O]. */
function mapRows(x_RI: Tensor, { heads: H, routing, maps_XIO }: HeadMaps): Tensor {
  const { experts_NK: own_RK, weights_NK: weights_RK } = routing;
  const [R, K] = own_RK.shape as [number, number];
  const [X, I, O] = maps_XIO.shape as [number, number, number];
  const first_H1 = iota(H)
    .mul(X / H)
    .unsqueeze(1);
  const maps_RK = own_RK
    .reshape([R / H, H, K])
    .add(first_H1)
    .reshape([R, K]);
  const dispatch = blockDispatch({ chosen_NKE: oneHot(maps_RK, X), block: blockFor(R * K, X) });
  const { groups, slotsPerGroup, tokens_R, slots_NK, experts_GE } = dispatch;
  // As a product its gradient is one too, not a scatter.
  const maps_GIO = experts_GE!.matmul(maps_XIO.reshape([X, I * O])).reshape([groups, I, O]);
  const y_GMO = x_RI.gather(0, tokens_R).reshape([groups, slotsPerGroup, I]).matmul(maps_GIO);
  return y_GMO.reshape([-1, O]).gather(0, slots_NK).mul(weights_RK.unsqueeze(-1)).sum(1);
}
