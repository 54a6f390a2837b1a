import { z } from "zod";
import { type Chunks, sameChunks } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";

const size = (of: string) => z.int().positive().describe(of);

/** Sparse patterns by the indices of query and key, beside causality and the window. */
export const attentionPatterns = z.discriminatedUnion("kind", [
  z
    .strictObject({
      kind: z.literal("chunk"),
      size: size("tokens a chunk, the first one at token 0"),
      back: z.int().min(0).default(0).describe("chunks before its own that a token sees"),
      ahead: z.int().min(0).default(0).describe("chunks after its own that a token sees, unless causal"),
    })
    .describe("blocks of tokens: local attention, Llama 4"),
  z
    .strictObject({ kind: z.literal("strided"), stride: size("tokens; near √context for the least cost") })
    .describe("the last `stride` tokens, and every stride-th before (Child et al. 2019)"),
  z
    .strictObject({
      kind: z.literal("fixed"),
      stride: size("tokens a block"),
      summary: z.int().positive().default(1).describe("tokens at the end of each block that all later ones see"),
    })
    .describe("the own block, and the last tokens of every block (Child et al. 2019)"),
  z
    .strictObject({
      kind: z.literal("dilated"),
      keys: size("keys on either side, the token itself counted"),
      dilation: size("distance of neighbouring keys in tokens"),
    })
    .describe("every dilation-th token within keys·dilation (Beltagy et al. 2020)"),
]);
export type AttentionPattern = z.infer<typeof attentionPatterns>;

/** Whether the query at an index sees the key at another: i32 that broadcast → bool. */
export function patternSees(pattern: AttentionPattern, query: Tensor, key: Tensor): Tensor {
  const distance = query.sub(key).abs();
  switch (pattern.kind) {
    case "chunk":
      return sameChunks(query, key, pattern);
    case "strided":
      return distance.less(pattern.stride).or(distance.mod(pattern.stride).equal(0));
    case "fixed": {
      const own = sameChunks(query, key, { size: pattern.stride, back: 0, ahead: 0 });
      return own.or(key.mod(pattern.stride).greaterEqual(pattern.stride - pattern.summary));
    }
    case "dilated":
      return distance
        .mod(pattern.dilation)
        .equal(0)
        .and(distance.less(pattern.keys * pattern.dilation));
  }
}

/** Distance in tokens from which no key is seen by a causal query, where the pattern or a window has one. */
export function farthest(pattern: AttentionPattern | undefined, window: number | undefined): number | undefined {
  const limits = [window, pattern && reachOf(pattern)].filter((limit) => limit !== undefined);
  return limits.length === 0 ? undefined : Math.min(...limits);
}

function reachOf(pattern: AttentionPattern): number | undefined {
  if (pattern.kind === "chunk") return pattern.size * (1 + pattern.back);
  return pattern.kind === "dilated" ? (pattern.keys - 1) * pattern.dilation + 1 : undefined;
}

/** A pattern that blocks of queries can leave out of their work, where tokens are counted from 0. */
export const chunksOf = (pattern: AttentionPattern | undefined): Chunks | undefined =>
  pattern?.kind === "chunk" ? pattern : undefined;
