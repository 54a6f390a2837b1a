import { type ModelSpec, parameterCount } from "../../model/index.ts";
import { type BuiltModel, buildSpec } from "../../spec/index.ts";
import { sizeOf } from "../../tensor/index.ts";
import { stateBytesAt } from "../cost.ts";
import type { Outcomes, TrainJob } from "./jobs.ts";
import { figure } from "./protocol.ts";
import type { BitsPerByte, ComparisonResult, ScoreFigure } from "./results.ts";

const stateContexts = [1024, 16_384, 262_144] as const;

/** What the jobs of one model found. */
interface Found {
  jobs: readonly TrainJob[];
  trained: readonly Outcomes["train"][];
  decoded: Outcomes["decode"];
  /** Ids of the data. */
  tokens: number;
  /** Tokens that a seed was trained on. */
  trainedTokens: number;
}

/** Joins what the jobs of one model found. */
export function assembleResult(
  { spec, tuned }: { spec: ModelSpec; tuned: Record<string, number> },
  { jobs, trained, decoded, tokens, trainedTokens }: Found,
): ComparisonResult {
  const built = buildSpec(spec, { tokens });
  const params = parameterCount(built.model.parameters);
  const scores = scoresOf(trained);
  return {
    spec: spec.name,
    seeds: jobs.map(({ config }) => config.seed),
    params,
    activeParams: built.model.activeParameters,
    bitsPerByte: bitsOf(trained),
    ...(scores && { scores }),
    trainTokensPerS: figure(trained.map(({ tokensPerS }) => tokensPerS)),
    decodeTokensPerS: decoded.decodeTokensPerS,
    firstTokenMs: decoded.firstTokenMs,
    peakTrainBytes: figure(trained.map(({ peakBytes }) => peakBytes)),
    peakDecodeBytes: figure([decoded.peakBytes]),
    stateBytes: stateBytesOf(built),
    title: spec.title,
    tokens: trainedTokens,
    embeddingShare: embeddingShare(built, params),
    tuned,
    canonical: spec as unknown as Record<string, unknown>,
    curves: jobs.map(({ config }, i) => ({ seed: config.seed, points: trained[i]!.curve })),
    decode: decoded.decode,
    sample: decoded.sample && { ...decoded.sample, seed: 0 },
    ...(decoded.note !== undefined && { decodeNote: decoded.note }),
  };
}

/** State bytes at the compared contexts; null for a model without state. */
function stateBytesOf(built: BuiltModel): Record<string, number> | null {
  const states = stateContexts.map((context) => [String(context), stateBytesAt(built, context)] as const);
  return states.some(([, bytes]) => bytes === null) ? null : (Object.fromEntries(states) as Record<string, number>);
}

function bitsOf(trained: readonly Outcomes["train"][]): BitsPerByte {
  const evaluations = trained.map(({ evaluation }) => evaluation);
  const errors = evaluations.flatMap(({ stdErr }) => stdErr ?? []);
  const stdErr = Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0)) / evaluations.length;
  return {
    ...figure(evaluations.map(({ bitsPerByte }) => bitsPerByte)),
    kind: evaluations[0]!.kind,
    ...(errors.length > 0 && { stdErr }),
  };
}

/** Every score over the seeds; what decided it is the same for all. */
function scoresOf(trained: readonly Outcomes["train"][]): ScoreFigure[] | undefined {
  const [first] = trained;
  return first?.scores?.map(({ value: _, ...score }, i) => ({
    ...score,
    ...figure(trained.map(({ scores }) => scores![i]!.value)),
  }));
}

function embeddingShare({ model }: BuiltModel, params: number): number {
  const embeddings = [...model.parameters.values()].filter(({ role }) => role === "embedding");
  return embeddings.reduce((sum, { shape }) => sum + sizeOf(shape), 0) / params;
}
