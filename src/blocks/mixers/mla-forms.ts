import { concat, type Tensor } from "../../tensor/index.ts";
import { value, type Weight } from "../weights/use.ts";

/**
 * What a group of latent attention's heads attends with: queries [B, H, T, K], keys of G heads [B, G, T, K] from the latents and
 * what is cached beside them, and how sums over values become the heads' outputs [B, H, T, V].
 * Axes: B batch, T tokens, H heads of the group, R latent width.
 */
export interface MlaForm {
  q_BHTK: Tensor;
  keys(latent_BTR: Tensor, beside: Tensor | undefined): { k: Tensor; v: Tensor };
  values(sums: Tensor): Tensor;
}

/** Maps from the latent of the group's heads: keyUp [H, R, N], valueUp [H, R, V]. */
export interface LatentMaps {
  keyUp: Tensor;
  valueUp: Tensor;
}

/** The maps of the heads `from` to `to`, of which only the first so many have keys from the latent. */
export const mapsOf = (p: { keyUp: Weight; valueUp: Weight }, from: number, to: number): LatentMaps => ({
  keyUp: value(p.keyUp),
  valueUp: value(p.valueUp).slice(0, from, to),
});

const beside = (plain: Tensor, other: Tensor | undefined): Tensor => (other ? concat(-1, [plain, other]) : plain);

/** Keys and values of every head written out: the least work where all tokens are new. */
export function expanded(plain: Tensor, rotary: Tensor | undefined, { keyUp, valueUp }: LatentMaps): MlaForm {
  return {
    q_BHTK: beside(plain, rotary),
    keys(latent_BTR, rotated_BTP) {
      const k = latent_BTR.unsqueeze(1).matmul(keyUp);
      const shared = rotated_BTP?.unsqueeze(1).expand([...k.shape.slice(0, 3), rotated_BTP.dim(-1)]);
      return { k: beside(k, shared), v: latent_BTR.unsqueeze(1).matmul(valueUp) };
    },
    values: (sums) => sums,
  };
}

/** Queries and outputs mapped into the latent space instead: nothing is done for cached tokens but their scores and sum. */
export function inLatentSpace(plain: Tensor, rotary: Tensor | undefined, { keyUp, valueUp }: LatentMaps): MlaForm {
  return {
    q_BHTK: beside(plain.matmul(keyUp, { transB: true }), rotary),
    keys: (latent_BTR, rotated_BTP) => ({
      k: beside(latent_BTR, rotated_BTP).unsqueeze(1),
      v: latent_BTR.unsqueeze(1),
    }),
    values: (sums) => sums.matmul(valueUp),
  };
}

/** Heads with rotated keys of their own, [B, H, T, N], which are cached as they are; their values are of the latent. */
export function ownKeys(q_BHTN: Tensor, { valueUp }: LatentMaps, { continued }: { continued: boolean }): MlaForm {
  const H = q_BHTN.dim(1);
  const everyHead = (latent_BTR: Tensor) => {
    const [B, T, R] = latent_BTR.shape as [number, number, number];
    return latent_BTR.unsqueeze(1).expand([B, H, T, R]);
  };
  return {
    q_BHTK: q_BHTN,
    keys: (latent_BTR, keys_BHTN) => ({
      k: keys_BHTN!,
      v: continued ? everyHead(latent_BTR) : latent_BTR.unsqueeze(1).matmul(valueUp),
    }),
    values: (sums) => (continued ? sums.matmul(valueUp) : sums),
  };
}
