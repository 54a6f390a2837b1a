import type { Objective } from "./objective.ts";
import { sequenceToSequence } from "./sequence-to-sequence.ts";

/**
 * BART (Lewis et al. 2019, arXiv 1910.13461, section 2): mean over the tokens of the text of −log p given those before and the text
 * that noise has spoiled. Evaluation: every token once, given what one draw of the noise leaves, which compares with its like only.
 */
export const denoising: Objective = { ...sequenceToSequence, kind: "denoising", bound: "pseudo" };
