/** Scans with one decay per head: Mamba-2's, fla-core's simple GLA, retention and linear attention. Sources put time second. */

import { constant, ones, stack, type Tensor } from "../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../testing/goldens/index.ts";
import { type DecayScanInput, decayScan, decayStep } from "./decay-scan.ts";

/** [B, T, …features] as columns […features, B, T]. */
export const asColumns = (x: Tensor): Tensor => x.transpose([...x.shape.keys()].slice(2).concat([0, 1]));
/** Columns […features, B, T] as [B, T, …features]. */
export const asRows = (x: Tensor): Tensor => x.transpose([-2, -1, ...x.shape.slice(2).keys()]);

/** q, k, v, states and scale as fla-core has them. */
function scanInput(c: GoldenCase, logDecay_HBT?: Tensor): DecayScanInput {
  const q = c.tensor("in.q");
  return {
    q_GKBT: asColumns(q).mul(q.dim(-1) ** -0.5),
    k_GKBT: asColumns(c.tensor("in.k")),
    v_HVBT: asColumns(c.tensor("in.v")),
    logDecay_HBT,
    S_BHVK: c.maybe("state.in.S")?.swap(2, 3),
    chunk: c.number("chunk_size", 4),
  };
}

function result(c: GoldenCase, input: DecayScanInput): GoldenGraph {
  const { o_HVBT, S_BHVK } = decayScan(input);
  const final = c.has("state.out.S") && { "state.out.S": S_BHVK.swap(2, 3) };
  return { outputs: { "out.o": asRows(o_HVBT), ...final } };
}

/** Head j decays by 1 − 2^(−5−j). */
function retention(c: GoldenCase): GoldenGraph {
  const { T, H } = { T: c.number("T"), H: c.number("H") };
  const logs = Array.from({ length: H * T }, (_, i) => Math.log1p(-(2 ** (-5 - Math.floor(i / T)))));
  return result(c, scanInput(c, constant(logs, [H, 1, T])));
}

/** The normaliser is one more value, which is 1 throughout. */
function linearAttention(c: GoldenCase): GoldenGraph {
  const input = scanInput(c);
  if (!c.flag("normalize")) return result(c, input);
  const [H, , B, T] = input.v_HVBT.shape as [number, number, number, number];
  const z_BH1K = c.maybe("state.in.z")?.transpose([0, 2, 1, 3]);
  const norm = decayScan({ ...input, v_HVBT: ones([H, 1, B, T]), S_BHVK: z_BH1K });
  const { o_HVBT, S_BHVK } = decayScan(input);
  return {
    outputs: {
      "out.o": asRows(o_HVBT.div(norm.o_HVBT.add(1e-10))),
      "state.out.S": S_BHVK.swap(2, 3),
      "state.out.z": norm.S_BHVK.transpose([0, 2, 1, 3]),
    },
  };
}

/** state-spaces/mamba's minimal form; its state is [P, N], ours too. */
function ssd(c: GoldenCase): GoldenGraph {
  const { o_HVBT, S_BHVK } = decayScan({
    q_GKBT: asColumns(c.tensor("in.C")),
    k_GKBT: asColumns(c.tensor("in.B")),
    v_HVBT: asColumns(c.tensor("in.X")),
    logDecay_HBT: asColumns(c.tensor("in.A")),
    S_BHVK: c.maybe("state.in.state")?.squeeze(1),
    chunk: c.number("block"),
  });
  return { outputs: { "out.y": asRows(o_HVBT), "state.out.state": S_BHVK } };
}

/** Recurrent cases go through the step form. */
function simpleGla(c: GoldenCase): GoldenGraph {
  const input = scanInput(c, asColumns(c.tensor("in.g")));
  if (c.text("form") !== "recurrent") return result(c, input);
  let S_BHVK = input.S_BHVK;
  const rows = Array.from({ length: c.number("T") }, (_, t) => {
    const at = (x: Tensor) => x.slice(-1, t, t + 1);
    const next = decayStep({
      q_GKBT: at(input.q_GKBT),
      k_GKBT: at(input.k_GKBT),
      v_HVBT: at(input.v_HVBT),
      logDecay_HBT: at(input.logDecay_HBT!),
      S_BHVK,
    });
    S_BHVK = next.S_BHVK;
    return asRows(next.o_HVBT).squeeze(1);
  });
  return { outputs: { "out.o": stack(1, rows), "state.out.S": S_BHVK!.swap(2, 3) } };
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "retention", build: retention },
  { kind: "blocks", component: "linear_attention", build: linearAttention },
  { kind: "blocks", component: "simple_gla", build: simpleGla },
  { kind: "blocks", component: "ssd-minimal", build: ssd },
];
