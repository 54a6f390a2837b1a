/** fla-core's log-linear attention, which puts time second and scales queries. */
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../testing/goldens/index.ts";
import { asColumns, asRows } from "./decay-scan.goldens.ts";
import { logLinear } from "./log-linear.ts";

/** The source has as many levels as the length needs; one more holds the tokens beyond, of which there are none. */
function build(c: GoldenCase): GoldenGraph {
  const column = (name: string) => asColumns(c.tensor(`in.${name}`));
  const [q, levels] = [c.tensor("in.q"), column("levels")];
  const { o_HVBT } = logLinear({
    q_HKBT: asColumns(q).mul(q.dim(-1) ** -0.5),
    k_HKBT: column("k"),
    v_HVBT: column("v"),
    logDecay_HBT: column("g"),
    levels_HLBT: levels.pad(1, 0, 1),
  });
  return { outputs: { "out.o": asRows(o_HVBT) } };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "log_linear_attention", build }];
