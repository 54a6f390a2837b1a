import type { Tensor } from "../../tensor/index.ts";
import type { LensLayer, LensToken, Piece } from "./results.ts";
import type { Sample } from "./sample.ts";
import { mean, type Reading, rounded, streamPaths, type Trace } from "./trace.ts";

/** Answers that are named for each token. */
const named = 5;

/**
 * Decodes the stream behind every layer as if it were the last (nostalgebraist 2020, "interpreting GPT: the logit lens"): last
 * norm, head, softmax. The last layer's answer is the model's.
 */
export function logitLens(
  { built: { model }, result, source, io, targets_BT }: Trace,
  { sample, piece }: { sample: Sample; piece: (id: number) => Piece },
): Reading<LensLayer[]> {
  const paths = streamPaths(result);
  const logs = paths.map((path) => model.readOut(result.probes[path]!, { source, io }).logSoftmax(-1));
  const last = logs.at(-1)!;
  const outputs = paths.flatMap((path, i) =>
    Object.entries(readings(logs[i]!, { last, targets_BT })).map(([name, t]) => [`${name}:${path}`, t]),
  );
  return {
    outputs: Object.fromEntries(outputs),
    read: (values) =>
      paths.map((path) => {
        const at = (name: string) => values[`${name}:${path}`]!;
        const tokens = Array.from(sample.ids, (_, t): LensToken => {
          const counts = sample.weights[t] === 1;
          return {
            top: Array.from({ length: at("top").length / sample.ids.length }, (_, k) => {
              const place = t * (at("top").length / sample.ids.length) + k;
              return { ...piece(at("topIds")[place]!), prob: rounded(Math.exp(at("top")[place]!)) };
            }),
            target: counts ? rounded(Math.exp(at("target")[t]!)) : null,
            entropy: rounded(at("entropy")[t]!),
          };
        });
        const over = (name: string) => rounded(mean(Array.from(at(name)).filter((_, t) => sample.weights[t] === 1)));
        return { path, tokens, loss: rounded(-over("target")), divergence: over("divergence") };
      }),
  };
}

/** What is fetched of a layer's log-probabilities [1, T, C], and of their distance from the last layer's. */
function readings(log: Tensor, { last, targets_BT }: { last: Tensor; targets_BT: Tensor }): Record<string, Tensor> {
  const { values: top, indices: topIds } = log.topk(-1, Math.min(named, log.dim(-1)));
  return {
    top,
    topIds,
    target: log.gatherElements(-1, targets_BT.unsqueeze(-1)).squeeze(-1),
    entropy: log.exp().mul(log).sum(-1).neg(),
    divergence: last.exp().mul(last.sub(log)).sum(-1),
  };
}
