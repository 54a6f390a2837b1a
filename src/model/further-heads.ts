import { families } from "../blocks/index.ts";
import { fail, type Tensor, within } from "../tensor/index.ts";
import type { TraceContext } from "./model.ts";
import { buildPart, contextOf, type Part } from "./part.ts";
import type { FurtherHeadSpec, ModelSpec } from "./spec.ts";

type Head = ReturnType<typeof headOf>;
const headOf = (kind: string) => families.heads[kind]!;

/** A head beside the main one: what it answers is the token `ahead` places on. */
export interface FurtherHead {
  part: Part<Head>;
  spec: FurtherHeadSpec;
}

/** Logits [B, T, C] of a further head: at t of the token at t + `ahead`, whose mean cost counts `weight` times. */
export interface FurtherLogits extends Omit<FurtherHeadSpec, "head"> {
  logits: Tensor;
}

/**
 * Heads that predict several tokens ahead from one stream (Gloeckle et al. 2024, "Better & faster large language models via
 * multi-token prediction", section 2), in training only. Throws E_SPEC_HEADS for one with nothing of its own.
 */
export function buildFurtherHeads(
  { heads = [] }: ModelSpec,
  sizes: { width: number; vocabulary: number },
): FurtherHead[] {
  return heads.map((spec, i) => {
    const component = headOf(spec.head.kind);
    const [path, where] = [`heads.${i}`, `heads[${i}].head`];
    const part = buildPart(component, {
      spec: spec.head,
      path,
      where,
      dims: (c) => component.dims(c, sizes.width, sizes.vocabulary),
    });
    assertOwn(part, where);
    return { part, spec };
  });
}

function assertOwn({ parameters }: Part<Head>, where: string): void {
  if (Object.keys(parameters).length > 0) return;
  fail({
    code: "E_SPEC_HEADS",
    where,
    expected: "a head with parameters of its own, so that it can answer otherwise than the main one",
    got: "one that shares all of its parameters",
    hint: 'Add "transform": true, or "tied": false.',
  });
}

/** Their answers over the stream [B, T, D] that the last norm has left; `table`: the embedding's rows. */
export function scoreAhead(
  heads: readonly FurtherHead[],
  x_BTD: Tensor,
  { source, io, table }: Pick<TraceContext, "source" | "io"> & { table: Tensor | undefined },
): FurtherLogits[] {
  if (io.mode !== "train") return [];
  return heads.map(({ part, spec: { ahead, weight } }) => {
    const logits = within(part.path, () => part.component.forward(x_BTD, { ...contextOf(part, source, io), table }));
    return { ahead, weight, logits };
  });
}
