import type { Decoder } from "./decoding/decoder.ts";
import { descending, logSoftmax } from "./sampling/softmax.ts";

export interface BeamOptions {
  prompt: Int32Array;
  /** What the model's encoder reads, where it has one. */
  source?: Int32Array;
  /** Most tokens to write. */
  tokens: number;
  /** α of the length penalty ((5 + length) / 6)^α that divides log-probabilities; 0 compares sums. Default 0.6. */
  lengthPenalty?: number;
  /** Ids at which a text ends; the id counts in its probability and length but is not part of it. */
  stop?: readonly number[];
  signal?: AbortSignal;
}

/** One way to go on. */
export interface Hypothesis {
  tokens: Int32Array;
  /** Σ log p(token | before), nats. */
  logProb: number;
  /** What hypotheses are ranked by. */
  score: number;
}

/** A text still being written, in one row of the decoder's batch. */
interface Beam {
  row: number;
  tokens: readonly number[];
  logProb: number;
}

interface Extension extends Beam {
  id: number;
}

/**
 * Beam search: of all ways to extend the best texts by a token, the best `decoder.batch` are kept (length penalty: Wu et al.
 * 2016, arXiv 1609.08144, eq. 14). Returns at most that many finished texts, best first. With as many beams as there are
 * texts, it is exhaustive.
 */
export async function beamSearch(
  decoder: Pick<Decoder, "batch" | "prefill" | "reorder" | "step">,
  { prompt, source, tokens, lengthPenalty = 0.6, stop = [], signal }: BeamOptions,
): Promise<Hypothesis[]> {
  const width = decoder.batch;
  const finished: Hypothesis[] = [];
  let beams: Beam[] = [{ row: 0, tokens: [], logProb: 0 }];
  const rows = <T>(one: T) => Array.from({ length: width }, () => one);
  let logits = await decoder.prefill(rows(prompt), { signal, ...(source && { sources: rows(source) }) });
  for (let length = 1; beams.length > 0; length++) {
    const extensions = bestExtensions(beams, logits, { width, stop });
    const ended = (extension: Extension) => stop.includes(extension.id) || length === tokens;
    finished.push(
      ...extensions.filter(ended).map((extension) => hypothesis(extension, { length, lengthPenalty, stop })),
    );
    const going = extensions.filter((extension) => !ended(extension)).slice(0, width);
    finished.sort((a, b) => b.score - a.score).splice(width);
    if (going.length === 0 || settled(finished, going[0]!, { width, penalty: penaltyOf(tokens, lengthPenalty) })) break;
    signal?.throwIfAborted();
    beams = going.map(({ tokens, id, logProb }, row) => ({ row, tokens: [...tokens, id], logProb }));
    await decoder.reorder(Int32Array.from({ length: width }, (_, i) => going[i]?.row ?? 0));
    logits = await decoder.step(Int32Array.from({ length: width }, (_, i) => going[i]?.id ?? 0));
  }
  return finished;
}

const penaltyOf = (length: number, alpha: number): number => ((5 + length) / 6) ** alpha;

/** The best extensions, among them at least `width` that go on if there are so many. */
function bestExtensions(
  beams: readonly Beam[],
  logits: readonly ArrayLike<number>[],
  { width, stop }: { width: number; stop: readonly number[] },
): Extension[] {
  const most = width * (1 + stop.length);
  const extensions = beams.flatMap((beam) => {
    const logProbs = logSoftmax(logits[beam.row]!);
    return descending(logProbs)
      .slice(0, most)
      .map((id) => ({ ...beam, id, logProb: beam.logProb + logProbs[id]! }));
  });
  return extensions.sort((a, b) => b.logProb - a.logProb).slice(0, most);
}

function hypothesis(
  { tokens, id, logProb }: Extension,
  { length, lengthPenalty, stop }: { length: number; lengthPenalty: number; stop: readonly number[] },
): Hypothesis {
  const written = stop.includes(id) ? tokens : [...tokens, id];
  return { tokens: Int32Array.from(written), logProb, score: logProb / penaltyOf(length, lengthPenalty) };
}

/** Whether no unfinished text can still come among the best: log-probabilities only fall, and the penalty is largest at the end. */
function settled(
  finished: readonly Hypothesis[],
  best: Extension,
  { width, penalty }: { width: number; penalty: number },
): boolean {
  return finished.length === width && finished.at(-1)!.score >= best.logProb / penalty;
}
