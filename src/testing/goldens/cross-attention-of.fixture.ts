import { crossAttention } from "../../blocks/mixers/cross-attention.ts";
import { concat, type Tensor, zeros } from "../../tensor/index.ts";
import { type StoredAttention, type StoredLinear, storedIo, storedWeight } from "./attention-of.fixture.ts";
import { crossParameters } from "./model-of.fixture.ts";

/** `cross-attention` with a source's maps, read by `x` from a memory or from keys and values of their own. */
export function crossAttentionOf(
  x_BTD: Tensor,
  { memory, mask_BS }: { memory: Tensor | { keys: Tensor; values: Tensor }; mask_BS?: Tensor | undefined },
  { maps, heads, headSize }: { maps: StoredAttention; heads: number; headSize?: number },
): { y: Tensor; weights: Tensor } {
  const joined = "keys" in memory ? besideEachOther(memory, maps) : { x_BSD: memory, maps };
  const parameters = crossParameters(joined.maps);
  const p = Object.fromEntries(
    Object.entries(parameters).flatMap(([name, tensor]) => (tensor ? [[name, storedWeight(tensor)]] : [])),
  ) as Parameters<typeof crossAttention.forward>[1]["p"];
  const c = crossAttention.config.parse({
    heads,
    headSize,
    bias: "queryBias" in parameters,
    outBias: maps.out.bias !== undefined,
  });
  const d = crossAttention.dims(c, x_BTD.dim(2));
  const io = storedIo({ memory: { x_BSD: joined.x_BSD, ...(mask_BS && { mask_BS }) } });
  const { y, probes } = crossAttention.forward(x_BTD, { c, d, p, s: {}, b: {}, io });
  return { y, weights: probes!.weights_BHTS! };
}

/** One memory of keys, then values; each map is zero where the other's features stand. */
function besideEachOther({ keys, values }: { keys: Tensor; values: Tensor }, maps: StoredAttention) {
  const wider = ({ weight, bias }: StoredLinear, before: number, after: number): StoredLinear => ({
    weight: concat(1, [
      ...(before > 0 ? [zeros([weight.dim(0), before])] : []),
      weight,
      ...(after > 0 ? [zeros([weight.dim(0), after])] : []),
    ]),
    bias,
  });
  const [K, V] = [keys.dim(2), values.dim(2)];
  return { x_BSD: concat(2, [keys, values]), maps: { ...maps, k: wider(maps.k, 0, V), v: wider(maps.v, K, 0) } };
}
