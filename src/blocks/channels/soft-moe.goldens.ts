/** Soft MoE of the soft-moe-pytorch package: it norms tokens and slots by RMS, and mixes the normed tokens. */
import { concat, rmsNorm, stack, type Tensor } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { plainIo, weightsFrom } from "../../testing/part.ts";
import { softMoe } from "./soft-moe.ts";

const smallest = 1e-30;

/** Our tensors; a gated expert's first map holds its two halves. */
function tensorsOf(c: GoldenCase, slots_ESD: Tensor, F: number) {
  const [E, S, D] = slots_ESD.shape as [number, number, number];
  const each = (name: string) => Array.from({ length: E }, (_, e) => c.tensor(`param.experts.experts.${e}.${name}`));
  const maps = (rows: readonly Tensor[]) => stack(0, rows).swap(1, 2);
  const first = { weights: each("0.weight"), biases: each("0.bias") };
  const down = each("3.weight");
  const gated = first.biases[0]!.dim(0) !== F;
  const part = (t: Tensor, half: 0 | 1) => (gated ? t.slice(0, half * F, (half + 1) * F) : t);
  return {
    slots: rmsNorm(slots_ESD, c.tensor("param.slot_norm.gamma"), smallest)
      .reshape([E * S, D])
      .transpose([1, 0]),
    up: maps(first.weights.map((t) => part(t, 0))),
    upBias: concat(
      0,
      first.biases.map((t) => part(t, 0)),
    ),
    ...(gated && {
      gate: maps(first.weights.map((t) => part(t, 1))),
      gateBias: concat(
        0,
        first.biases.map((t) => part(t, 1)),
      ),
    }),
    down: maps(down),
    downBias: concat(0, each("3.bias")),
  };
}

function build(c: GoldenCase): GoldenGraph {
  const slots_ESD = c.tensor("param.slot_embeds");
  const [E, S, D] = slots_ESD.shape as [number, number, number];
  const F = c.tensor("param.experts.experts.0.3.weight").dim(1);
  const gated = c.tensor("param.experts.experts.0.0.bias").dim(0) !== F;
  const config = softMoe.config.parse({
    experts: E,
    slots: S,
    hidden: F,
    expert: gated ? "swiglu" : "mlp",
    bias: true,
    normalise: false,
  });
  const p = weightsFrom(tensorsOf(c, slots_ESD, F)) as unknown as Parameters<typeof softMoe.forward>[1]["p"];
  const x = rmsNorm(c.tensor("in.x"), c.tensor("param.norm.gamma"), smallest);
  const { y } = softMoe.forward(x, { c: config, d: softMoe.dims(config, D), p, b: {}, io: plainIo("eval") });
  return { outputs: { "out.y": y } };
}

export const adapters: readonly GoldenAdapter[] = ["soft-moe", "soft-moe-slots"].map((component) => ({
  kind: "blocks",
  component,
  build,
}));
