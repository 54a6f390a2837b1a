/** Gated slot attention of fla-core. The source puts time second and scales queries; without a gate its writes are a running softmax. */
import { concat, type Tensor } from "../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../testing/goldens/index.ts";
import { asColumns, asRows } from "./decay-scan.goldens.ts";
import { gatedSlots } from "./gated-slots.ts";

function build(c: GoldenCase): GoldenGraph {
  const q = c.tensor("in.q");
  const heads = q.dim(2);
  const perQuery = (name: string) => repeated(asColumns(c.tensor(name)), heads);
  const { write, logDecay } = gates(c);
  const { o_HVBT, keys_BHKM, values_BHVM } = gatedSlots({
    q_HKBT: asColumns(q).mul(q.dim(-1) ** -0.5),
    k_HKBT: perQuery("in.k"),
    v_HVBT: perQuery("in.v"),
    write_HMBT: repeated(write, heads),
    logDecay_HMBT: repeated(logDecay, heads),
    keys_BHKM: c.maybe("state.in.K"),
    values_BHVM: c.maybe("state.in.V")?.swap(2, 3),
    chunk: 4,
  });
  const perKey = (S: Tensor) => S.reshape([S.dim(0), c.number("H"), -1, ...S.shape.slice(2)]).at(2, 0);
  const states = { "state.out.K": perKey(keys_BHKM), "state.out.V": perKey(values_BHVM).swap(2, 3) };
  return { outputs: { "out.o": asRows(o_HVBT), ...(c.has("state.out.K") && states) } };
}

/** Each key head as often as query heads read it. */
function repeated(x: Tensor, heads: number): Tensor {
  const [groups, ...rest] = x.shape as [number, ...number[]];
  return x
    .unsqueeze(1)
    .expand([groups, heads / groups, ...rest])
    .reshape([heads, ...rest]);
}

function gates(c: GoldenCase): { write: Tensor; logDecay: Tensor } {
  const s = asColumns(c.tensor("in.s"));
  if (c.has("in.g")) return { write: s, logDecay: asColumns(c.tensor("in.g")) };
  const total = s.exp().cumsum(-1).log();
  const before = concat(-1, [total.slice(-1, 0, 1), total.slice(-1, 0, -1)]);
  return { write: s.sub(total).exp(), logDecay: before.sub(total) };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "gsa", build }];
