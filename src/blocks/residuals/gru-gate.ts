import { z } from "zod";
import { defineResidual } from "../define.ts";
import { bias, gain, matrix } from "../weights/declare.ts";
import { linear, value } from "../weights/use.ts";

/**
 * The stream is the hidden state of a gated recurrent unit whose input is the sublayer's output. A positive `keep` starts
 * it near the identity. Columns of both maps are reset, update, candidate; each token alone.
 */
export const gruGate = defineResidual({
  kind: "gru-gate",
  title: "GRU gate",
  cite: { arxiv: "1910.06764", by: "Parisotto et al. 2019, section 3.2 (GTrXL)" },
  patterns: ["data-gating"],
  equations: [
    "r = σ(F W_r + x U_r),  u = σ(F W_u + x U_u + keep),  F = F(x)",
    "h = tanh(F W_h + r ⊙ (x U_h)),  y = u ⊙ x + (1 − u) ⊙ h",
  ],
  config: z.strictObject({
    keep: z.number().default(2).describe("start of the update gate's offset: larger keeps more of the stream"),
    skipScale: z
      .boolean()
      .default(false)
      .describe("whether the stream is first multiplied by a learned factor per feature"),
  }),
  dims: (_c, D) => ({ D }),
  params: ({ D }, c) => ({
    branch: matrix(D, 3 * D),
    stream: matrix(D, 3 * D),
    branchBias: bias(3 * D, {
      kind: "values",
      fill: () => Float64Array.from({ length: 3 * D }, (_, i) => (Math.floor(i / D) === 1 ? c.keep : 0)),
    }),
    streamBias: bias(3 * D),
    ...(c.skipScale && { skip: gain(D) }),
  }),
  forward(stream, y, { d: { D }, p }) {
    const x = p.skip ? stream.mul(value(p.skip)) : stream;
    const thirds = [D, D, D];
    const [branchReset, branchUpdate, branchNew] = linear(y, p.branch).add(value(p.branchBias)).split(-1, thirds);
    const [streamReset, streamUpdate, streamNew] = linear(x, p.stream).add(value(p.streamBias)).split(-1, thirds);
    const reset = branchReset!.add(streamReset!).sigmoid();
    const update = branchUpdate!.add(streamUpdate!).sigmoid();
    const candidate = branchNew!.add(reset.mul(streamNew!)).tanh();
    return candidate.add(update.mul(x.sub(candidate)));
  },
});
