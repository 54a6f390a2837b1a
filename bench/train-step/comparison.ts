import { type Contender, type RunLength, runContender } from "./contender.ts";
import { type Measurement, medianOf, type Spread, spreadOf } from "./measurement.ts";
import type { ModelSettings } from "./models.ts";
import { seqlab } from "./peers.ts";
import { assertSameJob } from "./same-job.ts";

/** One side over all rounds. */
export interface Side {
  name: string;
  ms: Spread;
  params: number;
  peakBytes: number;
}

/** seqlab beside one peer on one model; `ratio` > 1 where seqlab's step takes less time. */
export interface Comparison {
  model: string;
  mode: string;
  ratio: Spread;
  ours: Side;
  theirs: Side;
}

export interface Rounds {
  rounds: number;
  threads: number;
  /** Limit in seconds of what one run measures. */
  seconds: number;
  log: (line: string) => void;
}

/** Checks that both sides do the same job, then runs them in turn: seqlab, peer, seqlab, peer, … */
export async function compareSteps(model: ModelSettings, peer: Contender, options: Rounds): Promise<Comparison> {
  const title = `${model.name}, ${peer.id}`;
  await checkSides(model, peer, options);
  options.log(`${title}: both sides train the same model`);
  const ours: Measurement[] = [];
  const theirs: Measurement[] = [];
  const length = { steps: model.steps, seconds: options.seconds, threads: options.threads };
  for (let round = 1; round <= options.rounds; round++) {
    ours.push(await runContender(seqlab, model, length));
    theirs.push(await runContender(peer, model, length));
    const [us, them] = [medianMs(ours.at(-1)!), medianMs(theirs.at(-1)!)];
    const figures = `seqlab ${us.toFixed(1)} ms, peer ${them.toFixed(1)} ms, ratio ${(them / us).toFixed(2)}`;
    options.log(`${title}: round ${round}/${options.rounds}: ${figures}`);
  }
  const ratio = spreadOf(ours.map((run, i) => medianMs(theirs[i]!) / medianMs(run)));
  return { model: model.name, mode: peer.mode, ratio, ours: sideOf(ours), theirs: sideOf(theirs) };
}

/** A few steps of each side; 8 measured ones after the warm-up are enough to see the loss fall. */
async function checkSides(model: ModelSettings, peer: Contender, { seconds, threads }: Rounds): Promise<void> {
  const length: RunLength = { steps: 8, seconds, threads };
  const ours = await runContender(seqlab, model, length);
  assertSameJob(model, ours, await runContender(peer, model, length));
}

const medianMs = ({ seconds }: Measurement): number => 1000 * medianOf(seconds);

function sideOf(runs: Measurement[]): Side {
  const { peer, params } = runs[0]!;
  return {
    name: peer,
    params,
    ms: spreadOf(runs.map(medianMs)),
    peakBytes: Math.max(...runs.map((run) => run.peak_bytes)),
  };
}
