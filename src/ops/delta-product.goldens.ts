/** The gated delta product of fla-core. The source puts time second, the rules of a token in consecutive rows, and scales queries. */
import type { Tensor } from "../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../testing/goldens/index.ts";
import { asColumns, asRows } from "./decay-scan.goldens.ts";
import { deltaProduct } from "./delta-product.ts";

function build(c: GoldenCase): GoldenGraph {
  const [q, g] = [c.tensor("in.q"), c.maybe("in.g")];
  const byRule = (x: Tensor) => {
    const columns = asColumns(x);
    return columns.reshape([...columns.shape.slice(0, -1), -1, c.number("householder")]);
  };
  const { o_HVBT, S_BHVK } = deltaProduct({
    q_HKBT: asColumns(q).mul(q.dim(-1) ** -0.5),
    k_HKBTN: byRule(c.tensor("in.k")),
    v_HVBTN: byRule(c.tensor("in.v")),
    beta_HBTN: byRule(c.tensor("in.beta")),
    logDecay_HBT: g && asColumns(g),
    S_BHVK: c.maybe("state.in.S")?.swap(2, 3),
    chunk: 4,
  });
  return { outputs: { "out.o": asRows(o_HVBT), "state.out.S": S_BHVK.swap(2, 3) } };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "gated_delta_product", build }];
