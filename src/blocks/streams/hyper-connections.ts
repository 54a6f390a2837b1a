import { z } from "zod";
import { closeStreams, hyperConnection, readStreams, writeStreams } from "../../ops/index.ts";
import { rmsNorm } from "../../tensor/index.ts";
import { defineStreams } from "../define.ts";
import { gain, matrix, vector } from "../weights/declare.ts";
import { value } from "../weights/use.ts";
import { shareStart } from "./share-start.ts";

/** S streams: a sublayer reads a mixture of them, and its output is spread over them, by learned shares. */
export const hyperConnections = defineStreams({
  kind: "hyper-connections",
  title: "Hyper-connections",
  cite: { arxiv: "2409.19606", by: "Zhu et al. 2024, eq. 2–5 and 10–14" },
  patterns: ["multi-x"],
  equations: [
    "h = Σ_s a_s x_s,  x'_t = Σ_s A_st x_s + b_t F(h)",
    "a, A, b ← static + s · tanh(norm(x) W)  (dynamic)",
    "start: a one-hot (layer mod S), A = 1, b = 1;  behind the last layer: Σ_s x_s",
  ],
  config: z.strictObject({
    streams: z.int().min(1).default(4).describe("S, residual streams"),
    dynamic: z.boolean().default(true).describe("shares that depend on the token as well"),
    bounded: z.boolean().default(true).describe("a tanh around what depends on the token"),
  }),
  dims: (c, D, turn) => ({ D, S: c.streams, turn }),
  count: (c) => c.streams,
  params: ({ D, S, turn }, c) => ({
    alpha: vector([S, 1 + S], shareStart(S, turn)),
    beta: vector(S, 1),
    ...(c.dynamic && {
      norm: gain(D),
      alphaMap: matrix(D, 1 + S, { init: "zeros" }),
      betaMap: matrix(D, 1, { init: "zeros" }),
      alphaScale: gain(1, 0.01),
      betaScale: gain(1, 0.01),
    }),
  }),
  turn(x_SD, { c, p }) {
    const shares = { alpha: value(p.alpha), beta: value(p.beta) };
    const dynamic = p.norm && {
      alpha: value(p.alphaMap!),
      beta: value(p.betaMap!).squeeze(1),
      alphaScale: value(p.alphaScale!),
      betaScale: value(p.betaScale!),
    };
    const normed = p.norm ? rmsNorm(x_SD, value(p.norm)) : x_SD;
    const mix = hyperConnection(normed, { ...shares, ...(dynamic && { dynamic }) }, { bounded: c.bounded });
    return { input: readStreams(x_SD, mix), write: (y) => writeStreams(x_SD, y, mix) };
  },
  close: closeStreams,
});
