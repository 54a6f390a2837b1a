import type { Tensor } from "../tensor/index.ts";
import { type ForwardPass, storageOf } from "./activations.ts";

/** A place between two layers: all that later nodes of the forward pass read of what was computed up to it. */
export interface Cut {
  /** Place of the last node before it. */
  after: number;
  /**
   * The residual stream: the largest float that crosses it, and of which nothing was read before it. So the gradient by it
   * is complete before the backward pass enters what lies before the cut.
   */
  stream: Tensor;
}

/** A layer's inner activations are at least this many times what goes from layer to layer. */
const prominence = 2;

/**
 * Where layers end, read off the graph: the narrow places, at which at most half as many bytes cross as did since the
 * last one, and as will before the next.
 */
export function layerCuts(forward: ForwardPass): Cut[] {
  const profile = crossings(forward);
  const cuts: Cut[] = [];
  let falling = false;
  let peak = 0;
  let low: Crossing | undefined;
  for (const at of profile) {
    if (falling) {
      if (at.stream !== undefined && at.bytes < low!.bytes) low = at;
      if (at.bytes < prominence * low!.bytes) continue;
      // Draws of the next layer may lie between the stream and the narrowest place: they belong to that layer.
      const stream = low!.stream!;
      const after = forward.placeOf(stream.node);
      if (after > (cuts.at(-1)?.after ?? -1)) cuts.push({ after, stream });
      [falling, peak] = [false, at.bytes];
    } else if (at.stream !== undefined && prominence * at.bytes <= peak) {
      [falling, low] = [true, at];
    }
    peak = Math.max(peak, at.bytes);
  }
  return cuts;
}

interface Crossing {
  bytes: number;
  stream: Tensor | undefined;
}

/** Bytes of activations that are alive behind each node of the forward pass. */
function crossings({ nodes, activations }: ForwardPass): Crossing[] {
  const uses = new Map<Tensor, { first: number; last: number }>();
  for (const [place, node] of nodes.entries())
    for (const t of node.inputs.map(storageOf))
      if (activations.has(t) && node.op !== "reshape") uses.set(t, { first: uses.get(t)?.first ?? place, last: place });
  const alive = new Set<Tensor>();
  return nodes.map((node, place) => {
    for (const t of node.outputs) if (uses.has(t)) alive.add(t);
    for (const t of alive) if (uses.get(t)!.last <= place) alive.delete(t);
    const bytes = [...alive].reduce((sum, t) => sum + t.bytes, 0);
    const stream = largestFloat([...alive].filter((t) => uses.get(t)!.first > place));
    return { bytes, stream: stream && minShare * bytes <= stream.bytes ? stream : undefined };
  });
}

/** What goes from layer to layer is mostly one tensor; a lesser one says little about where a layer ends. */
const minShare = 0.25;

function largestFloat(tensors: readonly Tensor[]): Tensor | undefined {
  return tensors
    .filter(({ dtype }) => dtype === "f32")
    .reduce<Tensor | undefined>((largest, t) => (t.size > (largest?.size ?? 0) ? t : largest), undefined);
}
