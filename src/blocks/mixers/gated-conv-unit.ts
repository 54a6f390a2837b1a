/**
 * Gated convolutional unit: two branches, each a nonlinear map and a depthwise convolution over time, are multiplied; one of
 * them may remember through a feedforward sequential memory (FSMN) in front of that.
 * Axes: B batch, T time, D model, F hidden, K taps; columns [F, B, T].
 */
import { z } from "zod";
import { timeWindows } from "../../ops/index.ts";
import { silu, type Tensor } from "../../tensor/index.ts";
import { defineMixer, type MixerContext } from "../define.ts";
import { oneToken } from "../one-token.ts";
import { bias, matrix, tensor } from "../weights/declare.ts";
import { linear, value, type Weight, type Weights } from "../weights/use.ts";
import { convolutionCapabilities, sideOf } from "./time-convolution.ts";

const memory = z.strictObject({
  taps: z.int().min(2).default(19).describe("tokens that the memory weighs; odd unless causal"),
  dilation: z.int().positive().default(1).describe("tokens from one of them to the next"),
});
const config = z.strictObject({
  hidden: z.int().positive().optional().describe("width of the branches (default: the model's)"),
  taps: z.int().min(2).default(17).describe("tokens under the kernels of both branches; odd unless causal"),
  causal: z
    .boolean()
    .default(true)
    .describe("kernels end at the present; false: they are centred there, and nothing decodes"),
  memory: memory.optional().describe("a memory in the first branch (MossFormer2's recurrent module); left out: none"),
});
type C = z.infer<typeof config>;

const branchReach = ({ taps, causal }: C) => ({ taps, dilation: 1, causal });
const memoryReach = ({ memory: m, causal }: C) => m && { ...m, causal };

function dims(c: C, D: number) {
  const far = memoryReach(c);
  return {
    D,
    F: c.hidden ?? D,
    K: c.taps,
    ...sideOf(branchReach(c)),
    ...(far && { memoryTaps: far.taps, memorySide: sideOf(far).side ?? 1 }),
  };
}
type Sizes = ReturnType<typeof dims>;

const kernel = (taps: number, F: number) => tensor([taps, F], { kind: "normal", std: taps ** -0.5 });

const params = ({ D, F, K, memoryTaps }: Sizes) => ({
  first: matrix(D, F),
  firstBias: bias(F),
  firstKernel: kernel(K, F),
  second: matrix(D, F),
  secondBias: bias(F),
  secondKernel: kernel(K, F),
  ...(memoryTaps !== undefined && {
    memoryIn: matrix(F, F),
    memoryInBias: bias(F),
    memoryOut: matrix(F, F),
    memoryKernel: kernel(memoryTaps, F),
  }),
  out: matrix(F, D, { init: "residual" }),
  outBias: bias(D),
});

type State = { first?: readonly number[]; second?: readonly number[]; memory?: readonly number[] };
type Past = { [K in keyof State]?: Tensor | undefined };
type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, Past>;

export const gatedConvUnit = defineMixer({
  kind: "gated-conv-unit",
  title: "Gated convolutional unit",
  cite: {
    arxiv: "2312.11825",
    by: "Zhao et al. 2023 (MossFormer2), section 2.3; memory: Zhang et al. 2018 (Deep-FSMN)",
  },
  patterns: ["higher-order", "data-gating"],
  equations: [
    "u = h + K₁ ∗ h,  h = silu(x W₁ + b₁);   v the same with K₂, W₂, b₂   (∗ over time, each feature alone)",
    "with a memory: u ← u + p + K₃ ∗ p,  p = relu(u A + a) P",
    "y = (u ⊙ v) W + b",
  ],
  config,
  dims,
  params,
  tune: [{ key: "hidden", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: (c) => ({ ...convolutionCapabilities(c), smooth: c.memory ? "away from ties" : "everywhere" }),
  state({ F }, c): State {
    if (!c.causal) return {};
    const far = memoryReach(c);
    const past = [F, c.taps - 1];
    return { first: past, second: past, ...(far && { memory: [F, (far.taps - 1) * far.dilation] }) };
  },
  forward: mix,
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at)),
});

function mix(x_BTD: Tensor, at: At) {
  const { c, p, s } = at;
  const branch = (weight: Weight, offset: Weight, own: Weight, past: Tensor | undefined) =>
    remembered(silu(linear(x_BTD, weight, offset)), { own, past, reach: branchReach(c), at });
  const first = branch(p.first, p.firstBias, p.firstKernel, s.first);
  const second = branch(p.second, p.secondBias, p.secondKernel, s.second);
  const far = memoryReach(c);
  const p_BTF = far && linear(linear(first.y, p.memoryIn!, p.memoryInBias).relu(), p.memoryOut!);
  const kept = far && remembered(p_BTF!, { own: p.memoryKernel!, past: s.memory, reach: far, at });
  const u = kept ? first.y.add(kept.y) : first.y;
  const y = linear(u.mul(second.y), p.out, p.outBias);
  if (!c.causal) return { y, s: {} };
  return { y, s: { first: first.past, second: second.past, ...(kept && { memory: kept.past }) } };
}

/** x + K ∗ x of [B, T, F], each feature alone, and the inputs that the next tokens need. */
function remembered(
  x_BTF: Tensor,
  { own, past, reach, at }: { own: Weight; past: Tensor | undefined; reach: ReturnType<typeof branchReach>; at: At },
): { y: Tensor; past: Tensor } {
  const x_CBT = x_BTF.transpose([2, 0, 1]);
  const { windows, state_BCP } = timeWindows({ x_CBT, ...reach, state_BCP: past, mask_BT: at.io.mask_BT });
  const weighed = windows.mul(value(own).reshape([-1, 1, 1])).reshape([reach.taps, ...x_CBT.shape]);
  return { y: x_BTF.add(weighed.sum(0).transpose([1, 2, 0])), past: state_BCP };
}
