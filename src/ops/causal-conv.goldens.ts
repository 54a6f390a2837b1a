/** causal-conv1d's reference: [B, C, T], here put in order as columns. */

import { concat, silu, type Tensor } from "../tensor/index.ts";
import type { Absent, GoldenAdapter, GoldenCase, GoldenGraph } from "../testing/goldens/index.ts";
import { type CausalConvInput, causalConv, causalConvStep } from "./causal-conv.ts";

function build(c: GoldenCase): GoldenGraph | Absent {
  const input: CausalConvInput = {
    x_CBT: c.tensor("in.x").swap(0, 1),
    kernel_CK: c.tensor("param.weight"),
    bias_C: c.maybe("param.bias"),
    state_BCP: c.maybe("state.in.x"),
  };
  const activated = (y: Tensor) => (c.text("activation", "none") === "silu" ? silu(y) : y).swap(0, 1);
  const { y_CBT, state_BCP } = causalConv(input);
  return { outputs: { "out.y": activated(y_CBT), "out.y_step": activated(bySteps(input)), "state.out.x": state_BCP } };
}

function bySteps({ x_CBT, ...rest }: CausalConvInput): Tensor {
  let { state_BCP } = rest;
  const columns = Array.from({ length: x_CBT.dim(-1) }, (_, t) => {
    const result = causalConvStep({ ...rest, x_CBT: x_CBT.slice(-1, t, t + 1), state_BCP });
    state_BCP = result.state_BCP;
    return result.y_CBT;
  });
  return concat(-1, columns);
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "causal-conv1d-ref", build }];
