/** Hyper-connections of the hyper-connections package, around one linear branch. */
import { ones, rmsNorm, type Tensor } from "../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../testing/goldens/index.ts";
import { hyperConnection, manifoldConnection, readStreams, type StreamMix, writeStreams } from "./stream-mixing.ts";

const smallest = 1e-30;

/** There streams lie beside the batch, [B·S, T, D]; here next to the features, [B, T, S, D]. */
function connected(c: GoldenCase, mix: (normed: Tensor) => StreamMix): GoldenGraph {
  const x = c.tensor("in.x");
  const streams = c.stored["param.static_beta"]!.shape[0]!;
  const [rows, T, D] = x.shape as [number, number, number];
  const x_BTSD = x.reshape([rows / streams, streams, T, D]).transpose([0, 2, 1, 3]);
  const normed = rmsNorm(x_BTSD, ones([D]), smallest).mul(c.tensor("param.norm.gamma").add(1));
  const connection = mix(normed);
  const input = readStreams(x_BTSD, connection);
  const y = input.matmul(c.tensor("param.branch.weight"), { transB: true }).add(c.tensor("param.branch.bias"));
  const next = writeStreams(x_BTSD, y, connection);
  return { outputs: { "out.y": next.transpose([0, 2, 1, 3]).reshape(x.shape) } };
}

const argumentsOf = (c: GoldenCase) => c.config.args as Readonly<Record<string, number | boolean | undefined>>;

const hyper = (c: GoldenCase): GoldenGraph =>
  connected(c, (normed) =>
    hyperConnection(
      normed,
      {
        alpha: c.tensor("param.static_alpha"),
        beta: c.tensor("param.static_beta"),
        dynamic: {
          alpha: c.tensor("param.dynamic_alpha_fn"),
          beta: c.tensor("param.dynamic_beta_fn"),
          alphaScale: c.tensor("param.dynamic_alpha_scale"),
          betaScale: c.tensor("param.dynamic_beta_scale"),
        },
      },
      { bounded: argumentsOf(c).tanh !== false },
    ),
  );

const manifold = (c: GoldenCase): GoldenGraph =>
  connected(c, (normed) =>
    manifoldConnection(
      normed,
      {
        alpha: c.tensor("param.static_alpha"),
        beta: c.tensor("param.static_beta"),
        dynamicAlpha: c.tensor("param.dynamic_alpha_fn").squeeze(0),
        dynamicBeta: c.tensor("param.dynamic_beta_fn"),
        readScale: c.tensor("param.pre_branch_scale"),
        carryScale: c.tensor("param.residual_scale"),
        writeScale: c.tensor("param.h_post_scale"),
      },
      { iterations: Number(argumentsOf(c).sinkhorn_iters ?? 20) },
    ),
  );

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "hyper-connections", build: hyper },
  { kind: "blocks", component: "manifold-hyper-connections", build: manifold },
];
