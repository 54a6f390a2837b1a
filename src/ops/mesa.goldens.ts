/** fla-core's exact mesa layer. The source puts time second, states by keys, and does not scale queries. */
import type { Absent, GoldenAdapter, GoldenCase, GoldenGraph } from "../testing/goldens/index.ts";
import { asColumns, asRows } from "./decay-scan.goldens.ts";
import { mesa } from "./mesa.ts";

function build(c: GoldenCase): GoldenGraph | Absent {
  if (c.has("grad.state.in.kk"))
    return "absent: the gradient by a state that is not symmetric, which conjugate gradients do not give";
  const column = (name: string) => asColumns(c.tensor(`in.${name}`));
  const { o_HVBT, H_BHKK, G_BHVK } = mesa({
    q_HKBT: column("q"),
    k_HKBT: column("k"),
    v_HVBT: column("v"),
    beta_HBT: column("beta"),
    logDecay_HBT: column("g"),
    ridge_HK: c.tensor("in.lamb"),
    iterations: c.number("K") + 1,
    chunk: 4,
  });
  return { outputs: { "out.o": asRows(o_HVBT), "state.out.kk": H_BHKK, "state.out.kv": G_BHVK.swap(2, 3) } };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "mesa_net", build }];
