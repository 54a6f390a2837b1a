import { concat, type Tensor } from "../tensor/index.ts";
import { identityMatrix } from "./linalg.ts";
import type { MesaInput, MesaResult } from "./mesa.ts";
import { solve } from "./solve.ts";

/**
 * The mesa layer by its definition: one system a time, solved by elimination. It takes states that are not symmetric, and
 * is the truth that conjugate gradients come near; T·K³ operations in sequence. Axes as in `mesa.ts`.
 */
export function mesaExact(input: Omit<MesaInput, "iterations" | "chunk">): MesaResult {
  const { q_HKBT, k_HKBT, v_HVBT, beta_HBT, logDecay_HBT, ridge_HK } = input;
  const ridge_HKK = identityMatrix(ridge_HK.dim(1)).mul(ridge_HK.unsqueeze(-1));
  let [H_BHKK, G_BHVK] = [input.H_BHKK, input.G_BHVK];
  const o = Array.from({ length: q_HKBT.dim(3) }, (_, t) => {
    const column = (x: Tensor) => x.at(3, t).transpose([2, 0, 1]).unsqueeze(-1);
    const scalar = (x: Tensor) => x.at(2, t).swap(0, 1).unsqueeze(-1).unsqueeze(-1);
    const [k, write, keep] = [column(k_HKBT), scalar(beta_HBT), scalar(logDecay_HBT).exp()];
    const moved = (S: Tensor | undefined, x: Tensor) => {
      const added = x.matmul(k, { transB: true }).mul(write);
      return S ? S.mul(keep).add(added) : added;
    };
    H_BHKK = moved(H_BHKK, k);
    G_BHVK = moved(G_BHVK, column(v_HVBT));
    const x_BHK1 = solve(H_BHKK.add(ridge_HKK), column(q_HKBT));
    return G_BHVK.matmul(x_BHK1).squeeze(-1).transpose([1, 2, 0]).unsqueeze(-1);
  });
  return { o_HVBT: concat(3, o), H_BHKK: H_BHKK!, G_BHVK: G_BHVK! };
}
