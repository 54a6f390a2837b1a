import type { Tensor } from "../tensor/index.ts";
import { type DeltaRuleResult, deltaRule, deltaStep } from "./delta-rule.ts";

/**
 * n delta rules a token, the state decaying once before them (Siems et al. 2025, eq. 5): the product of their n reflections can
 * turn the state, which one cannot. Axes: H heads, K key width, V value width, B batch, T time, N rules a token; columns […, B, T].
 */
export interface DeltaProductInput {
  q_HKBT: Tensor;
  k_HKBTN: Tensor;
  v_HVBTN: Tensor;
  beta_HBTN: Tensor;
  /** log a ≤ 0; absent means a = 1. */
  logDecay_HBT?: Tensor | undefined;
  /** Absent means 0. */
  S_BHVK?: Tensor | undefined;
  /** Rules per chunk (it changes rounding and speed only). */
  chunk?: number;
}

/** All times at once: the delta rule over N·T times, of which only every N-th is read. */
export function deltaProduct({ q_HKBT, k_HKBTN, v_HVBTN, beta_HBTN, ...rest }: DeltaProductInput): DeltaRuleResult {
  const rules = beta_HBTN.dim(-1);
  const flat = (x: Tensor) => x.reshape([...x.shape.slice(0, -2), -1]);
  const { logDecay_HBT, S_BHVK, chunk = 64 } = rest;
  const { o_HVBT, S_BHVK: end } = deltaRule({
    q_GKBT: flat(q_HKBT.unsqueeze(-1).pad(-1, rules - 1, 0)),
    k_GKBT: flat(k_HKBTN),
    v_HVBT: flat(v_HVBTN),
    beta_HBT: flat(beta_HBTN),
    logDecay_HBT: logDecay_HBT && flat(logDecay_HBT.unsqueeze(-1).pad(-1, 0, rules - 1)),
    S_BHVK,
    chunk,
  });
  return { o_HVBT: o_HVBT.reshape(v_HVBTN.shape).at(-1, -1), S_BHVK: end };
}

/** One time by the recurrence itself: columns with T = 1. */
export function deltaProductStep(input: DeltaProductInput): DeltaRuleResult {
  const { q_HKBT, k_HKBTN, v_HVBTN, beta_HBTN } = input;
  let state = input.S_BHVK;
  let last: DeltaRuleResult | undefined;
  for (let rule = 0; rule < beta_HBTN.dim(-1); rule++) {
    last = deltaStep({
      q_GKBT: q_HKBT,
      k_GKBT: k_HKBTN.at(-1, rule),
      v_HVBT: v_HVBTN.at(-1, rule),
      beta_HBT: beta_HBTN.at(-1, rule),
      logDecay_HBT: rule === 0 ? input.logDecay_HBT : undefined,
      S_BHVK: state,
    });
    state = last.S_BHVK;
  }
  return last!;
}
