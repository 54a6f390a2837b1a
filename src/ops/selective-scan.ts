import { scan, type Tensor, zeros } from "../tensor/index.ts";

/**
 * A diagonal state-space model whose step size, input and output maps depend on the time (Gu & Dao 2023, algorithm 2):
 * h_t = exp(Δ_t A) h_{t−1} + Δ_t u_t B_t, y_t = C_t · h_t.
 * Axes: T time, B batch, I channels, N state per channel; channels last, so that broadcasts run over long rows.
 */
export interface SelectiveScanInput {
  /** Δ ≥ 0; where it is 0 the state stays as it is. */
  delta_TBI: Tensor;
  u_TBI: Tensor;
  /** Rates, negative. */
  A_NI: Tensor;
  B_TBN: Tensor;
  C_TBN: Tensor;
  /** Absent means 0. */
  h_BNI?: Tensor | undefined;
}

export interface SelectiveScanResult {
  y_TBI: Tensor;
  /** After the last time. */
  h_BNI: Tensor;
}

/** Step by step: decays differ for every channel and state, so that no product over times saves work. */
export function selectiveScan(input: SelectiveScanInput): SelectiveScanResult {
  const { delta_TBI, u_TBI, A_NI, B_TBN, C_TBN, h_BNI } = input;
  const { states, ys } = scan({
    init: [h_BNI ?? zeros([u_TBI.dim(1), ...A_NI.shape])],
    xs: [delta_TBI.unsqueeze(2), delta_TBI.mul(u_TBI).unsqueeze(2), B_TBN.unsqueeze(3), C_TBN.unsqueeze(2)],
    step: ([h], [delta_B1I, write_B1I, B_BN1, C_B1N]) => {
      const next = h!.mul(delta_B1I!.mul(A_NI).exp()).add(write_B1I!.mul(B_BN1!));
      return { states: [next], ys: [C_B1N!.matmul(next)] };
    },
  });
  return { y_TBI: ys[0]!.squeeze(2), h_BNI: states[0]! };
}

/** One time, T = 1, without a loop. */
export function selectiveStep({
  delta_TBI,
  u_TBI,
  A_NI,
  B_TBN,
  C_TBN,
  h_BNI,
}: SelectiveScanInput): SelectiveScanResult {
  const [delta_B1I, u_B1I, C_B1N] = [delta_TBI, u_TBI, C_TBN].map((x) => x.squeeze(0).unsqueeze(1)) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  const added = delta_B1I.mul(u_B1I).mul(B_TBN.squeeze(0).unsqueeze(2));
  const next = h_BNI ? h_BNI.mul(delta_B1I.mul(A_NI).exp()).add(added) : added;
  return { y_TBI: C_B1N.matmul(next).squeeze(1).unsqueeze(0), h_BNI: next };
}
