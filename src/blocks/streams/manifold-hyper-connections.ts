import { z } from "zod";
import { closeStreams, manifoldConnection, readStreams, writeStreams } from "../../ops/index.ts";
import { rmsNorm } from "../../tensor/index.ts";
import { defineStreams } from "../define.ts";
import { gain, matrix, vector } from "../weights/declare.ts";
import { value } from "../weights/use.ts";

/** Hyper-connections whose carrying shares are doubly stochastic, so that deep stacks keep the streams' mean. */
export const manifoldHyperConnections = defineStreams({
  kind: "manifold-hyper-connections",
  title: "Manifold-constrained hyper-connections",
  cite: { arxiv: "2512.24880", by: "Xie et al. 2025, eq. 7–9" },
  patterns: ["multi-x"],
  equations: [
    "h = Σ_s a_s x_s,  x'_t = Σ_s A_st x_s + b_t F(h)",
    "a = σ(·),  b = 2σ(·),  A = Sinkhorn(e^·),  each · = static + s · norm(x) W",
  ],
  config: z.strictObject({
    streams: z.int().min(1).default(4).describe("S, residual streams"),
    iterations: z.int().positive().default(20).describe("turns of rows and columns towards sums of 1"),
  }),
  dims: (c, D) => ({ D, S: c.streams }),
  count: (c) => c.streams,
  params: ({ D, S }) => ({
    // Carried as it is, nearly; read in equal parts; written with share 1.
    alpha: vector([S, 1 + S], {
      kind: "values",
      fill: () => Array.from({ length: S * (1 + S) }, (_, i) => (i % (2 + S) === 1 ? 4 : i % (1 + S) === 0 ? 0 : -4)),
    }),
    beta: vector(S, 0),
    norm: gain(D),
    alphaMap: matrix(D, 1 + S, { init: "zeros" }),
    betaMap: matrix(D, 1, { init: "zeros" }),
    readScale: gain(1, 0.01),
    carryScale: gain(1, 0.01),
    writeScale: gain(1, 0.01),
  }),
  turn(x_SD, { c, p }) {
    const mix = manifoldConnection(
      rmsNorm(x_SD, value(p.norm)),
      {
        alpha: value(p.alpha),
        beta: value(p.beta),
        dynamicAlpha: value(p.alphaMap),
        dynamicBeta: value(p.betaMap).squeeze(1),
        readScale: value(p.readScale),
        carryScale: value(p.carryScale),
        writeScale: value(p.writeScale),
      },
      { iterations: c.iterations },
    );
    return { input: readStreams(x_SD, mix), write: (y) => writeStreams(x_SD, y, mix) };
  },
  close: closeStreams,
});
