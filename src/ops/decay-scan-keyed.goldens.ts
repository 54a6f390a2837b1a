/** fla-core's gated linear attention, a decay per key feature. The source puts time second and scales queries. */
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../testing/goldens/index.ts";
import { asColumns, asRows } from "./decay-scan.goldens.ts";
import { keyedDecayScan } from "./decay-scan-keyed.ts";

function build(c: GoldenCase): GoldenGraph {
  const q = c.tensor("in.q");
  const { o_HVBT, S_BHVK } = keyedDecayScan({
    q_HKBT: asColumns(q).mul(q.dim(-1) ** -0.5),
    k_HKBT: asColumns(c.tensor("in.k")),
    v_HVBT: asColumns(c.tensor("in.v")),
    logDecay_HKBT: asColumns(c.tensor("in.g")),
    S_BHVK: c.maybe("state.in.S")?.swap(2, 3),
    chunk: 4,
  });
  return { outputs: { "out.o": asRows(o_HVBT), "state.out.S": S_BHVK.swap(2, 3) } };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "gla", build }];
