import type { ObjectiveKind } from "../../spec/index.ts";
import { maskedDiffusion } from "./masked-diffusion.ts";
import { nextToken } from "./next-token.ts";
import type { Objective } from "./objective.ts";
import { sequenceToSequence } from "./sequence-to-sequence.ts";

/** The losses of the objectives that a spec may name. */
export const objectiveLosses: Readonly<Record<ObjectiveKind, Objective>> = {
  "next-token": nextToken,
  "sequence-to-sequence": sequenceToSequence,
  "masked-diffusion": maskedDiffusion,
};
export type * from "./objective.ts";
