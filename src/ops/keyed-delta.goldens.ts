/** fla-core's delta rules of rank one whose state decays per key feature. Sources put time second, states by keys, and scale queries. */
import { concat, type Tensor } from "../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../testing/goldens/index.ts";
import { asColumns, asRows } from "./decay-scan.goldens.ts";
import type { DecayScanResult } from "./decay-scan.ts";
import { type KeyedDeltaInput, keyedDelta, keyedDeltaStep } from "./keyed-delta.ts";

/** What the members differ in, as columns. */
type Rule = Pick<KeyedDeltaInput, "k_HKBT" | "v_HVBT" | "probe_HKBT" | "back_HKBT" | "probes" | "logDecay_HKBT">;

/** Recurrent cases go through the step form. */
function graphOf(c: GoldenCase, rule: Rule): GoldenGraph {
  const q = c.tensor("in.q");
  const input: KeyedDeltaInput = {
    ...rule,
    q_HKBT: asColumns(q).mul(q.dim(-1) ** -0.5),
    bounded: false,
    S_BHVK: c.maybe("state.in.S")?.swap(2, 3),
    chunk: c.number("chunk_size", 4),
  };
  const { o_HVBT, S_BHVK } = c.text("form") === "recurrent" ? keyedSteps(input) : keyedDelta(input);
  return { outputs: { "out.o": asRows(o_HVBT), "state.out.S": S_BHVK.swap(2, 3) } };
}

export function keyedSteps(input: KeyedDeltaInput): DecayScanResult {
  let S_BHVK = input.S_BHVK;
  const columns = Array.from({ length: input.v_HVBT.dim(-1) }, (_, t) => {
    const at = (x: Tensor) => x.slice(-1, t, t + 1);
    const result = keyedDeltaStep({
      ...input,
      q_HKBT: at(input.q_HKBT),
      k_HKBT: at(input.k_HKBT),
      v_HVBT: at(input.v_HVBT),
      probe_HKBT: at(input.probe_HKBT),
      back_HKBT: at(input.back_HKBT),
      logDecay_HKBT: at(input.logDecay_HKBT),
      S_BHVK,
    });
    S_BHVK = result.S_BHVK;
    return result.o_HVBT;
  });
  return { o_HVBT: concat(-1, columns), S_BHVK: S_BHVK! };
}

/** Any two directions; without decay (iplr) its logarithm is 0. */
function lowRank(c: GoldenCase): GoldenGraph {
  const column = (name: string) => asColumns(c.tensor(`in.${name}`));
  return graphOf(c, {
    k_HKBT: column("k"),
    v_HVBT: column("v"),
    probe_HKBT: column("a"),
    back_HKBT: column("b"),
    probes: "before-decay",
    logDecay_HKBT: c.has("in.g") ? column("g") : column("k").mul(0),
  });
}

/** Erase and write gates apart. */
function twoGates(c: GoldenCase): GoldenGraph {
  const column = (name: string) => asColumns(c.tensor(`in.${name}`));
  return graphOf(c, {
    k_HKBT: column("k"),
    v_HVBT: column("v").mul(column("w")),
    probe_HKBT: column("k").mul(column("b")).neg(),
    back_HKBT: column("k"),
    probes: "after-decay",
    logDecay_HKBT: column("g"),
  });
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "dplr_delta_rule", build: lowRank },
  { kind: "blocks", component: "iplr_delta_rule", build: lowRank },
  { kind: "blocks", component: "gdn2", build: twoGates },
];
