/** RWKV-4's two layers from transformers. The source keeps num, den and a running max; ours are num / den and log den + max. */
import { stack, type Tensor } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import type { Mixer } from "../define.ts";
import type { Weight } from "../weights/use.ts";
import { goldenIo, weightOf } from "./rnn-golden-weights.fixture.ts";
import { rwkv4 } from "./rwkv-4.ts";
import { rwkvChannelMix } from "./rwkv-channel-mix.ts";

type States = Readonly<Record<string, Tensor | undefined>>;

/** PyTorch's [outputs, inputs] as [inputs, outputs]. */
const map = (c: GoldenCase, name: string): Weight => weightOf(c.tensor(`param.${name}.weight`).transpose([1, 0]));
/** The source's mix is the share of the present token, ours that of the one before. */
const mix = (c: GoldenCase, name: string): Weight =>
  weightOf(c.tensor(`param.time_mix_${name}`).reshape([-1]).neg().add(1));

/** A mixer's forward form and, where the case has it, the same token by token. */
export function mixerOutputs(
  x: Tensor,
  mixer: Mixer,
  {
    config,
    weights,
    start,
    steps,
  }: { config: unknown; weights: Record<string, Weight>; start: States; steps: boolean },
) {
  const parsed = mixer.config.parse(config);
  const at = { c: parsed, d: mixer.dims(parsed, x.dim(-1)), p: weights, b: {}, io: goldenIo() };
  const { y, s } = mixer.forward(x, { ...at, s: start });
  if (!steps) return { y, s };
  let now = mixer.forward(x.slice(1, 0, 1), { ...at, s: start });
  const ys = [now.y.squeeze(1)];
  for (let t = 1; t < x.dim(1); t++) {
    now = mixer.step!(x.at(1, t), { ...at, s: now.s });
    ys.push(now.y);
  }
  return { y, s, step: stack(1, ys) };
}

function timeMix(c: GoldenCase): GoldenGraph {
  const given = (name: string) => c.maybe(`state.in.${name}`);
  const [num, den, max] = [given("num"), given("den"), given("max")];
  const { y, s, step } = mixerOutputs(c.tensor("in.x"), rwkv4 as unknown as Mixer, {
    config: { inner: c.number("attention_hidden_size") },
    weights: {
      mixR: mix(c, "receptance"),
      mixK: mix(c, "key"),
      mixV: mix(c, "value"),
      r: map(c, "receptance"),
      k: map(c, "key"),
      v: map(c, "value"),
      decay: weightOf(c.tensor("param.time_decay")),
      bonus: weightOf(c.tensor("param.time_first")),
      out: map(c, "output"),
    },
    start: { shift: given("shift"), average: den && num?.div(den), logWeight: den && max?.add(den.log()) },
    steps: c.has("out.step"),
  });
  const top = runningMax(c, max);
  const lastDen = s.logWeight!.sub(top).exp();
  const states = { shift: s.shift!, den: lastDen, num: s.average!.mul(lastDen), max: top };
  return { outputs: { "out.y": y, ...(step && { "out.step": step }), ...stored(c, states) } };
}

/** max ← max(max + w, k_t), as the source stabilises. */
function runningMax(c: GoldenCase, start: Tensor | undefined): Tensor {
  const x = c.tensor("in.x");
  const share = c.tensor("param.time_mix_key").reshape([-1]);
  const decay = c.tensor("param.time_decay").exp();
  let previous = c.maybe("state.in.shift") ?? x.at(1, 0).mul(0);
  let max = start;
  for (let t = 0; t < x.dim(1); t++) {
    const now = x.at(1, t);
    const k = previous.add(now.sub(previous).mul(share)).matmul(c.tensor("param.key.weight"), { transB: true });
    max = max ? max.sub(decay).maximum(k) : k;
    previous = now;
  }
  return max!;
}

function channelMix(c: GoldenCase): GoldenGraph {
  const key = c.tensor("param.key.weight");
  const { y, s, step } = mixerOutputs(c.tensor("in.x"), rwkvChannelMix as unknown as Mixer, {
    config: { hidden: key.dim(0) },
    weights: {
      mixK: mix(c, "key"),
      mixR: mix(c, "receptance"),
      k: map(c, "key"),
      r: map(c, "receptance"),
      v: map(c, "value"),
    },
    start: { shift: c.maybe("state.in.shift") },
    steps: c.has("out.step"),
  });
  return { outputs: { "out.y": y, ...(step && { "out.step": step }), ...stored(c, s) } };
}

const stored = (c: GoldenCase, states: Readonly<Record<string, Tensor>>): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(states)
      .map(([name, state]): [string, Tensor] => [`state.out.${name}`, state])
      .filter(([name]) => c.has(name)),
  );

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "rwkv4_time_mix", build: timeMix },
  { kind: "blocks", component: "rwkv4_channel_mix", build: channelMix },
];
