/** RWKV-5, 6 and 7 from their authors' inference code (one sequence, no batch axis) and from fla-core (the recurrences alone). */

import { bonusScan, keyedDelta } from "../../ops/index.ts";
import { layerNorm, type Tensor } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import type { Mixer } from "../define.ts";
import type { Weight } from "../weights/use.ts";
import { goldenIo, weightOf } from "./rnn-golden-weights.fixture.ts";
import { rwkv5 } from "./rwkv-5.ts";
import { rwkv6 } from "./rwkv-6.ts";
import { type HandedOn, rwkv7 } from "./rwkv-7.ts";
import { rwkvChannelMix } from "./rwkv-channel-mix.ts";

type Weights = Readonly<Record<string, Weight>>;
/** [B, T, …features] as columns […features, B, T], and back. */
const asColumns = (x: Tensor): Tensor => x.transpose([2, 3, 0, 1]);
const asRows = (x: Tensor): Tensor => x.transpose([2, 3, 0, 1]);

interface Layer {
  mixer: unknown;
  config: Readonly<Record<string, unknown>>;
  weights: Weights;
}

const read = (c: GoldenCase, names: Readonly<Record<string, string>>, change = (x: Tensor) => x): Weights =>
  Object.fromEntries(
    Object.entries(names).map(([ours, theirs]) => [ours, weightOf(change(c.tensor(`param.${theirs}`)))]),
  );
const complement = (x: Tensor): Tensor => x.neg().add(1);
const transposed = (x: Tensor): Tensor => x.transpose([1, 0]);

/** The mixer over one sequence, with the source's states. */
function mixOnce(c: GoldenCase, x_TD: Tensor, { mixer, config, weights }: Layer, handed?: HandedOn) {
  const m = mixer as Mixer;
  const parsed = m.config.parse(config);
  const shift = c.tensor("state.in.x_prev").unsqueeze(0);
  const S = c.maybe("state.in.s")?.unsqueeze(0);
  const at = { c: parsed, d: m.dims(parsed, x_TD.dim(1)), p: weights, b: {} };
  const io = { ...goldenIo(), ...(handed && { handed }) };
  const result = m.forward(x_TD.unsqueeze(0), { ...at, s: { shift, ...(S && { S: sourceState(c, S) }) }, io });
  const state = result.s.S && { "state.out.s": sourceState(c, result.s.S).squeeze(0) };
  return {
    result,
    y: result.y.squeeze(0),
    states: { "state.out.x_prev": result.s.shift!.squeeze(0), ...state },
  };
}

/** RWKV-5 and 6 keep [key, value], RWKV-7 as we do [value, key]. */
const sourceState = (c: GoldenCase, S: Tensor): Tensor => (c.component === "rwkv7-rnn" ? S : S.swap(2, 3));

/** y = x + mixer(LayerNorm(x)). */
function sublayer(c: GoldenCase, layer: Layer): GoldenGraph {
  const x = c.tensor("in.x");
  const { y, states } = mixOnce(c, layerNorm(x, c.tensor("param.ln_w"), c.tensor("param.ln_b"), 1e-5), layer);
  return { outputs: { "out.y": x.add(y), ...states } };
}

const channelMix = (c: GoldenCase): GoldenGraph =>
  sublayer(c, {
    mixer: rwkvChannelMix,
    config: { hidden: c.number("F") },
    weights: {
      // The present token's share in RWKV-5, that of the one before in RWKV-6.
      ...(c.number("version") === 5
        ? read(c, { mixK: "k_mix", mixR: "r_mix" }, complement)
        : read(c, { mixK: "k_maa", mixR: "r_maa" })),
      ...read(c, { k: "kw", r: "rw", v: "vw" }),
    },
  });

const projections = { r: "rw", k: "kw", v: "vw", gate: "gw", out: "ow", normGain: "lx_w", normOffset: "lx_b" };
const byHead = (x: Tensor): Tensor => x.squeeze(-1);

const timeMix5 = (c: GoldenCase): GoldenGraph =>
  sublayer(c, {
    mixer: rwkv5,
    config: { heads: c.number("H"), chunk: 4 },
    weights: {
      ...read(c, { mixR: "r_mix", mixK: "k_mix", mixV: "v_mix", mixG: "g_mix" }, complement),
      ...read(c, projections),
      ...read(c, { bonus: "t_first" }, byHead),
      // The source stores the decay itself.
      ...read(c, { decay: "t_decay" }, (x) => byHead(x).log().neg().log()),
    },
  });

const timeMix6 = (c: GoldenCase): GoldenGraph =>
  sublayer(c, {
    mixer: rwkv6,
    config: { heads: c.number("H"), mixRank: c.number("rank"), decayRank: c.number("decay_rank"), chunk: 4 },
    weights: {
      ...read(c, { mixX: "x_maa", mixW: "w_maa", mixK: "k_maa", mixV: "v_maa", mixR: "r_maa", mixG: "g_maa" }),
      ...read(c, { mixDown: "tm_w1", mixUp: "tm_w2", decayDown: "td_w1", decayUp: "td_w2" }),
      ...read(c, projections),
      ...read(c, { bonus: "t_first" }, byHead),
      ...read(c, { decay: "t_decay" }, (x) => x.reshape([-1])),
    },
  });

const columns = (x_TD: Tensor, heads: number): Tensor => asColumns(x_TD.reshape([1, x_TD.dim(0), heads, -1]));
const rows = (x_HKBT: Tensor): Tensor => asRows(x_HKBT).reshape([x_HKBT.dim(3), -1]);

function layer7(c: GoldenCase): GoldenGraph {
  if (c.text("part") === "channel") return channelMix7(c);
  const heads = c.number("H");
  const valueMix = c.number("layer") > 0;
  const value = valueMix ? { value: "v0", valueDown: "v1", valueUp: "v2" } : {};
  const weights = {
    ...read(c, { mixR: "x_r", mixW: "x_w", mixK: "x_k", mixV: "x_v", mixA: "x_a", mixG: "x_g" }),
    ...read(c, { r: "rw", k: "kw", v: "vw", out: "ow" }, transposed),
    ...read(c, { decay: "w0", decayDown: "w1", decayUp: "w2", rate: "a0", rateDown: "a1", rateUp: "a2" }),
    ...read(c, { ...value, gateDown: "g1", gateUp: "g2", normGain: "ln_w", normOffset: "ln_b" }),
    ...read(c, { removed: "k_k", slowed: "k_a", bonus: "r_k" }, (x) => x.reshape([heads, -1])),
  };
  const handed = valueMix ? { value_HKBT: columns(c.tensor("in.v_first"), heads) } : undefined;
  const { result, y, states } = mixOnce(
    c,
    c.tensor("in.x"),
    { mixer: rwkv7, config: { heads, valueMix, chunk: 4 }, weights },
    handed,
  );
  const own = (result as { handed?: HandedOn }).handed?.value_HKBT;
  return { outputs: { "out.y": y, ...states, ...(own && { "out.v_first": rows(own) }) } };
}

function channelMix7(c: GoldenCase): GoldenGraph {
  const weights = { ...read(c, { mixK: "x_k" }), ...read(c, { k: "kw", v: "vw" }, transposed) };
  const config = { hidden: c.number("F"), gate: false };
  const { y, states } = mixOnce(c, c.tensor("in.x"), { mixer: rwkvChannelMix, config, weights });
  return { outputs: { "out.y": y, ...states } };
}

/** The recurrence of RWKV-6; the chunk form has no scale, `null` stands for 1/√K. */
function recurrence6(c: GoldenCase): GoldenGraph {
  const q = c.tensor("in.q");
  const scale = c.config.scale === null ? q.dim(-1) ** -0.5 : c.number("scale", 1);
  const { o_HVBT, S_BHVK } = bonusScan({
    r_HKBT: asColumns(q).mul(scale),
    k_HKBT: asColumns(c.tensor("in.k")),
    v_HVBT: asColumns(c.tensor("in.v")),
    logDecay_HKBT: asColumns(c.tensor("in.w")),
    bonus_HK: c.tensor("in.u"),
    S_BHVK: c.maybe("state.in.S")?.swap(2, 3),
    chunk: 4,
  });
  return { outputs: { "out.o": asRows(o_HVBT), ...finalState(c, S_BHVK) } };
}

const finalState = (c: GoldenCase, S_BHVK: Tensor): Record<string, Tensor> =>
  c.has("state.out.S") ? { "state.out.S": S_BHVK.swap(2, 3) } : {};

function recurrence7(c: GoldenCase): GoldenGraph {
  const [removed, rate] = [asColumns(c.tensor("in.kk")), asColumns(c.tensor("in.a"))];
  const { o_HVBT, S_BHVK } = keyedDelta({
    q_HKBT: asColumns(c.tensor("in.r")),
    k_HKBT: asColumns(c.tensor("in.k")),
    v_HVBT: asColumns(c.tensor("in.v")),
    probe_HKBT: removed.neg(),
    back_HKBT: removed.mul(rate),
    probes: "before-decay",
    logDecay_HKBT: asColumns(c.tensor("in.w")),
    bounded: true,
    S_BHVK: c.maybe("state.in.S")?.swap(2, 3),
    chunk: 4,
  });
  return { outputs: { "out.o": asRows(o_HVBT), ...finalState(c, S_BHVK) } };
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "rwkv5-6-channel-mix", build: channelMix },
  { kind: "blocks", component: "rwkv5.2-time-mix", build: timeMix5 },
  { kind: "blocks", component: "rwkv6", build: recurrence6 },
  { kind: "blocks", component: "rwkv6-rnn", build: timeMix6 },
  { kind: "blocks", component: "rwkv7", build: recurrence7 },
  { kind: "blocks", component: "rwkv7-rnn", build: layer7 },
];
