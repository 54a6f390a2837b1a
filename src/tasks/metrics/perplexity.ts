/** How well a language model predicts text, from the losses of its tokens. */
import { fail } from "../../tensor/error.ts";

export interface PredictionScores {
  /** Mean −log p of a token, in nats: every token counts alike, whatever batch it was in. */
  readonly natsPerToken: number;
  readonly tokens: number;
  /** e^(nats per token): the number of equally likely tokens that would be as hard to guess. */
  readonly perplexity: number;
  /** log₂ instead of nats. For characters as tokens, bits per character; for bytes, bits per byte. */
  readonly bitsPerToken: number;
}

/** Scores of −log p (nats) of tokens, in batches of any lengths. Throws E_METRIC_INPUT without tokens. */
export function predictionScores(batches: Iterable<ArrayLike<number>>): PredictionScores {
  let [nats, tokens] = [0, 0];
  for (const losses of batches) {
    for (let i = 0; i < losses.length; i++) nats += losses[i]!;
    tokens += losses.length;
  }
  if (tokens === 0) fail({ code: "E_METRIC_INPUT", where: "losses", expected: "at least one token", got: "none" });
  const natsPerToken = nats / tokens;
  return { natsPerToken, tokens, perplexity: Math.exp(natsPerToken), bitsPerToken: natsPerToken / Math.LN2 };
}

/**
 * Bits per character, or per byte, of a text whose tokens are longer: all nats / ln 2 / characters.
 * Throws E_METRIC_INPUT without characters.
 */
export function bitsPerCharacter({ nats, characters }: { nats: number; characters: number }): number {
  if (!(characters > 0))
    fail({ code: "E_METRIC_INPUT", where: "characters", expected: "at least one", got: String(characters) });
  return nats / Math.LN2 / characters;
}
