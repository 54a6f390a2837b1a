/** fla-core's delta rule with momentum; its M has the other sign. Sources put time second, states by keys, and scale queries. */
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../testing/goldens/index.ts";
import { asColumns, asRows } from "./decay-scan.goldens.ts";
import { momentumDelta } from "./momentum-delta.ts";

function build(c: GoldenCase): GoldenGraph {
  const column = (name: string) => asColumns(c.tensor(`in.${name}`));
  const given = c.maybe("state.in.S");
  const { o_HVBT, s } = momentumDelta({
    q_HKBT: column("q").mul(c.number("K") ** -0.5),
    k_HKBT: column("k").mul(column("eta")),
    v_HVBT: column("v"),
    probe_HKBT: column("p"),
    logDecay_HBT: column("log_alpha"),
    logMomentum_HBT: column("log_mu"),
    rate_HBT: column("beta"),
    s: given && { S_BHVK: given.swap(2, 3), M_BHVK: c.tensor("state.in.M").swap(2, 3).neg() },
    chunk: 4,
  });
  return {
    outputs: {
      "out.o": asRows(o_HVBT),
      "state.out.S": s.S_BHVK.swap(2, 3),
      "state.out.M": s.M_BHVK.swap(2, 3).neg(),
    },
  };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "momentum_delta_rule", build }];
