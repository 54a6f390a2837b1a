import type { ObjectiveKind } from "../../spec/index.ts";
import { d3pm } from "./d3pm.ts";
import { denoising } from "./denoising.ts";
import { maskedDiffusion } from "./masked-diffusion.ts";
import { maskedLm } from "./masked-lm.ts";
import { nextToken } from "./next-token.ts";
import type { Objective } from "./objective.ts";
import { classification, regression } from "./sequence.ts";
import { sequenceToSequence } from "./sequence-to-sequence.ts";
import { spanCorruption } from "./span-corruption.ts";

/** The losses of the objectives that a spec may name. */
export const objectiveLosses: Readonly<Record<ObjectiveKind, Objective>> = {
  "next-token": nextToken,
  "sequence-to-sequence": sequenceToSequence,
  "span-corruption": spanCorruption,
  denoising,
  "masked-diffusion": maskedDiffusion,
  d3pm,
  "masked-lm": maskedLm,
  classification,
  regression,
};
export type * from "./objective.ts";
