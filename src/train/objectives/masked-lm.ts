import type { Rng } from "../../ops/index.ts";
import { scalar, where } from "../../tensor/index.ts";
import type { EvaluationFeed, Objective } from "./objective.ts";
import { tokenLoss } from "./token-loss.ts";

interface Options {
  share: number;
  mask: number;
  random: number;
}

/**
 * BERT (Devlin et al. 2018, arXiv 1810.04805, section 3.1): a share of the tokens is chosen anew in every batch; each becomes the
 * mask (0.8), a random token (0.1) or stays (0.1); the loss is the mean of −log p over the chosen ones.
 * Evaluation: pseudo-log-likelihood. The tokens of a window are dealt into 1/share groups; each group is masked once while the
 * others are seen, so that every token is predicted exactly once.
 */
export const maskedLm: Objective = {
  kind: "masked-lm",
  bound: "pseudo",
  masked: true,
  train({ model, extraTokens }, { inputs_BT, weights_BT }, context) {
    const { share, mask, random } = model.spec.objective as unknown as Options;
    const draw = (label: string) => context.io.rng(`objective.${label}`).uniform(inputs_BT.shape);
    const chosen_BT = draw("chosen").less(share);
    const fate_BT = draw("fate");
    const ids = model.vocabulary - Object.keys(extraTokens).length;
    const other_BT = draw("random").mul(ids).cast("i32");
    const changed_BT = where(
      fate_BT.less(mask),
      scalar(extraTokens["mask"]!, "i32"),
      where(fate_BT.less(mask + random), other_BT, inputs_BT),
    );
    const result = model.forward(where(chosen_BT, changed_BT, inputs_BT), context);
    const counted_BT = where(chosen_BT, weights_BT ?? 1, 0);
    return { loss: tokenLoss(result.logits, { targets_BT: inputs_BT, weights_BT: counted_BT }), result };
  },
  draws: (_options, { model }) => Math.round(1 / (model.spec.objective as unknown as Options).share),
  feed(windows, { extraTokens }, { draw, draws, rng }) {
    const feed: EvaluationFeed = {
      ids: windows.inputs.slice(),
      targets: windows.inputs,
      // Each draw estimates the whole: it holds one group of `draws`.
      weights: new Float32Array(windows.inputs.length),
    };
    for (let w = 0; w < windows.count; w++)
      for (const place of groupOf(rng.fork(w), { length: windows.length, draw, draws })) {
        const at = w * windows.length + place;
        if (windows.mask[at] === 0) continue;
        feed.ids[at] = extraTokens["mask"]!;
        feed.weights[at] = draws;
      }
    return feed;
  },
};

/** The draw-th of `draws` groups into which a window's places are dealt. */
function groupOf(rng: Rng, { length, draw, draws }: { length: number; draw: number; draws: number }): number[] {
  return Array.from(rng.permutation(length)).filter((_, i) => i % draws === draw);
}
