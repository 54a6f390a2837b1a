/** ABC of fla-core, from q, k, v and what each token gives the slots. The source puts time second. */
import { gatedSlots } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { storedIo } from "../../testing/goldens/attention-of.fixture.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { gifts } from "./abc.ts";

function build(c: GoldenCase): GoldenGraph {
  const columns = (name: string): Tensor => c.tensor(`in.${name}`).transpose([2, 3, 0, 1]);
  const { write_HMBT, logDecay_HMBT } = gifts(columns("s"), { limit: 32, total_BHM: undefined, io: storedIo() });
  const { o_HVBT } = gatedSlots({
    q_HKBT: columns("q").mul(c.tensor("in.q").dim(-1) ** -0.5),
    k_HKBT: columns("k"),
    v_HVBT: columns("v"),
    write_HMBT,
    logDecay_HMBT,
    chunk: 4,
  });
  return { outputs: { "out.o": o_HVBT.transpose([2, 3, 0, 1]) } };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "abc", build }];
