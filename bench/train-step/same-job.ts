import { fail } from "../../src/tensor/index.ts";
import type { Measurement } from "./measurement.ts";
import type { ModelSettings } from "./models.ts";

/** How far apart the two sides may be after the same few steps: in nats per token, or as a share of the larger fall. */
const endGap = { nats: 0.25, share: 0.5 };

/**
 * Complains unless both sides did the same job: the same model by its parameter count, the same tokens per step,
 * and a loss that falls from that of a uniform guess, ln C, to about the same value. The tokens are random, but few
 * enough to be learned.
 */
export function assertSameJob(model: ModelSettings, ours: Measurement, theirs: Measurement): void {
  for (const side of [ours, theirs]) assertTrains(model, side);
  const last = Math.min(ours.losses.length, theirs.losses.length) - 1;
  const [ourEnd, theirEnd] = [ours.losses[last]!, theirs.losses[last]!];
  const fall = Math.max(ours.losses[0]! - ourEnd, theirs.losses[0]! - theirEnd);
  const gap = Math.max(endGap.nats, endGap.share * fall);
  if (Math.abs(ourEnd - theirEnd) <= gap) return;
  fail({
    code: "E_BENCH_JOB",
    where: `${model.name}: loss after ${last + 1} steps`,
    expected: `at most ${gap.toFixed(2)} nats apart`,
    got: `${ourEnd.toFixed(3)} and ${theirEnd.toFixed(3)} (${theirs.peer})`,
  });
}

function assertTrains(model: ModelSettings, { peer, params, tokens, losses }: Measurement): void {
  const check = (holds: boolean, what: string, expected: string, got: number) => {
    if (!holds) fail({ code: "E_BENCH_JOB", where: `${peer} on ${model.name}: ${what}`, expected, got: String(got) });
  };
  const uniform = Math.log(model.vocabulary);
  const [first, lowest] = [losses[0]!, Math.min(...losses.slice(-3))];
  check(model.params.includes(params), "parameters", model.params.join(" or "), params);
  check(tokens === model.batch * model.context, "tokens per step", String(model.batch * model.context), tokens);
  check(Math.abs(first / uniform - 1) <= model.startRatio, "first loss", `about ln ${model.vocabulary}`, first);
  check(lowest < first, "loss of the last steps", `less than the first, ${first}`, lowest);
}
