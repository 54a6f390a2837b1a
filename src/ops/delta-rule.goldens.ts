/** The delta rule of fla-core and of Qwen3-Next, whose recurrent forms go through the step form. Sources put time second. */

import { concat, type Tensor } from "../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../testing/goldens/index.ts";
import { asColumns, asRows } from "./decay-scan.goldens.ts";
import { unitScale } from "./decay-scan-layout.ts";
import { type DeltaRuleInput, type DeltaRuleResult, deltaRule, deltaStep } from "./delta-rule.ts";

function build(c: GoldenCase): GoldenGraph {
  const normed = (x: Tensor) => (c.flag("l2norm") ? unitScale(x, -1) : x);
  const g = c.maybe("in.g");
  const input: DeltaRuleInput = {
    q_GKBT: asColumns(normed(c.tensor("in.q"))).mul(c.tensor("in.q").dim(-1) ** -0.5),
    k_GKBT: asColumns(normed(c.tensor("in.k"))),
    v_HVBT: asColumns(c.tensor("in.v")),
    beta_HBT: asColumns(c.tensor("in.beta")),
    logDecay_HBT: g && asColumns(g),
    ...probesOf(c),
    S_BHVK: c.maybe("state.in.S")?.swap(2, 3),
    chunk: c.number("chunk_size", 8),
  };
  const { o_HVBT, S_BHVK } = c.text("form").endsWith("recurrent") ? bySteps(input) : deltaRule(input);
  return { outputs: { "out.o": asRows(o_HVBT), "state.out.S": S_BHVK.swap(2, 3) } };
}

/** Comba's own key of correction, which its chunked form holds against the state from before the decay. */
function probesOf(c: GoldenCase): Pick<DeltaRuleInput, "probe_GKBT" | "probes"> {
  const p = c.maybe("in.p");
  if (!p) return {};
  return { probe_GKBT: asColumns(p), probes: c.text("form") === "chunk" ? "before-decay" : "after-decay" };
}

function bySteps(input: DeltaRuleInput): DeltaRuleResult {
  let S_BHVK = input.S_BHVK;
  const columns = Array.from({ length: input.v_HVBT.dim(-1) }, (_, t) => {
    const at = (x: Tensor) => x.slice(-1, t, t + 1);
    const result = deltaStep({
      q_GKBT: at(input.q_GKBT),
      k_GKBT: at(input.k_GKBT),
      v_HVBT: at(input.v_HVBT),
      beta_HBT: at(input.beta_HBT),
      probe_GKBT: input.probe_GKBT && at(input.probe_GKBT),
      ...(input.probes && { probes: input.probes }),
      logDecay_HBT: input.logDecay_HBT && at(input.logDecay_HBT),
      S_BHVK,
    });
    S_BHVK = result.S_BHVK;
    return result.o_HVBT;
  });
  return { o_HVBT: concat(-1, columns), S_BHVK: S_BHVK! };
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "delta_rule", build },
  { kind: "blocks", component: "gated_delta_rule", build },
  { kind: "blocks", component: "comba", build },
];
