import { fail } from "../../src/tensor/index.ts";
import type { Measurement } from "./measurement.ts";
import type { ModelSettings } from "./models.ts";

/** How far the first loss may lie from that of a uniform guess: initial weights differ between libraries. */
const startRatio = 0.15;
/** How far apart, in nats per token, the two sides may be after the same few steps. */
const endGap = 0.75;

/**
 * Complains unless both sides did the same job: the same model by its parameter count, the same tokens per step,
 * and a loss that falls from that of a uniform guess, ln C, to about the same value (the tokens are random but few, so they can be learned).
 */
export function assertSameJob(model: ModelSettings, ours: Measurement, theirs: Measurement): void {
  for (const side of [ours, theirs]) assertTrains(model, side);
  const last = Math.min(ours.losses.length, theirs.losses.length) - 1;
  const [ourEnd, theirEnd] = [ours.losses[last]!, theirs.losses[last]!];
  if (Math.abs(ourEnd - theirEnd) <= endGap) return;
  const where = `${model.name}: loss after ${last + 1} steps`;
  const expected = `at most ${endGap} nats apart`;
  fail({
    code: "E_BENCH_JOB",
    where,
    expected,
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
  check(Math.abs(first / uniform - 1) <= startRatio, "first loss", `about ln ${model.vocabulary}`, first);
  check(lowest < first, "loss of the last steps", `less than the first, ${first}`, lowest);
}
