import { rowLosses } from "../../ops/index.ts";
import { iota, where } from "../../tensor/index.ts";
import type { Objective } from "./objective.ts";
import { sequenceToSequence } from "./sequence-to-sequence.ts";

/**
 * T5 (Raffel et al. 2020, arXiv 1910.10683, section 3.1.4): mean over the tokens of the target, sentinels and end included, of −log p
 * given the text without them. Evaluation: pseudo-log-likelihood. Every token of the text is left out exactly once; where spans
 * begin and end is given, so that sentinels cost nothing and share no probability with the text's tokens.
 */
export const spanCorruption: Objective = {
  ...sequenceToSequence,
  kind: "span-corruption",
  bound: "pseudo",
  cost(logits, targets, { model, extraTokens }) {
    const own = model.vocabulary - Object.keys(extraTokens).length;
    return rowLosses(where(iota(model.vocabulary).less(own), logits, -1e6), targets);
  },
};
