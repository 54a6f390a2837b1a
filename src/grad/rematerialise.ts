/**
 * Rematerialisation (Chen et al. 2016; Korthikanti et al. 2022): the backward pass computes activations anew instead of
 * keeping them. A pass over a graph that already has its gradients: what they read of a layer is replaced by a copy of the
 * layer's forward nodes, whose inputs are gated by the gradient of the layer's output. The gates change no bits; they keep
 * engines from sharing the copies with the originals, and from running them before the backward pass arrives.
 */
import { type AnyNode, rewrite, type Tensor } from "../tensor/index.ts";
import { backwardNodes, type ForwardPass, forwardPass, readFromForward } from "./activations.ts";
import { betweenProducts } from "./between-products.ts";
import { type Cut, layerCuts } from "./cuts.ts";
import { gated, gateOf } from "./gates.ts";

/**
 * none: every activation is kept. selective: what lies between two products of activations (attention's scores, weights and
 * dropout) is computed anew. full: only what goes from layer to layer is kept.
 */
export const rematerialisations = ["none", "selective", "full"] as const;
export type Rematerialisation = (typeof rematerialisations)[number];

export interface RematerialisationPlan {
  /** Tensors whose gradients `apply` needs beside those of the parameters. */
  streams: readonly Tensor[];
  /** The same gradients, to the bit, over fewer kept activations. */
  apply(
    gradients: readonly (Tensor | undefined)[],
    streamGradients: readonly (Tensor | undefined)[],
  ): (Tensor | undefined)[];
}

/** Plans it for a loss whose gradients by `parameters` will be taken; everything else it reads counts as data. */
export function planRematerialisation(
  loss: Tensor,
  { level, parameters }: { level: Rematerialisation; parameters: readonly Tensor[] },
): RematerialisationPlan {
  if (level === "none") return { streams: [], apply: (gradients) => [...gradients] };
  const forward = forwardPass([loss], parameters);
  const cuts = layerCuts(forward);
  const streams = cuts.map(({ stream }) => stream);
  return {
    streams,
    apply: (gradients, streamGradients) => {
      const inside = insideLayers(forward, cuts);
      const again = level === "full" ? inside : common(inside, betweenProducts(forward));
      const segments = cuts.map(({ after }, i) => ({ after, gradient: streamGradients[i] }));
      return new Rewriting(forward, { segments, again }).run(gradients);
    },
  };
}

/** Activations that no later layer reads. */
function insideLayers(forward: ForwardPass, cuts: readonly Cut[]): Set<Tensor> {
  const { nodes, activations } = forward;
  const kept = new Set<Tensor>();
  const layer = layerOf(forward, cuts);
  for (const node of nodes) for (const t of node.inputs) if (layer(t.node) !== layer(node)) kept.add(t);
  return new Set([...activations].filter((t) => !kept.has(t)));
}

const common = (a: ReadonlySet<Tensor>, b: ReadonlySet<Tensor>): Set<Tensor> => new Set([...a].filter((t) => b.has(t)));

/** The number of the layer in which a node lies. */
const layerOf =
  ({ placeOf }: ForwardPass, ends: readonly { after: number }[]) =>
  (node: AnyNode): number =>
    ends.findIndex(({ after }) => placeOf(node) <= after);

interface Segment {
  after: number;
  /** Of the loss by what leaves the segment. */
  gradient: Tensor | undefined;
}

/** One walk over the backward pass, in which every segment's copies are made when they are first read. */
class Rewriting {
  private readonly forward: ForwardPass;
  private readonly segments: readonly Segment[];
  private readonly again: ReadonlySet<Tensor>;
  private readonly done = new Map<Tensor, Tensor>();
  /** Tensors of the forward pass that are to be computed anew, by segment. */
  private readonly wanted = new Map<number, Tensor[]>();
  private readonly copies = new Map<number, ReadonlyMap<Tensor, Tensor>>();

  constructor(forward: ForwardPass, { segments, again }: { segments: readonly Segment[]; again: ReadonlySet<Tensor> }) {
    this.forward = forward;
    this.segments = segments;
    this.again = again;
  }

  run(gradients: readonly (Tensor | undefined)[]): (Tensor | undefined)[] {
    for (const t of readFromForward(this.forward, gradients)) {
      const segment = this.segmentOf(t);
      if (segment !== undefined) this.wanted.set(segment, [...(this.wanted.get(segment) ?? []), t]);
    }
    this.walk(backwardNodes(this.forward, gradients));
    return gradients.map((t) => t && this.get(t));
  }

  /** Copies nodes in their order, each behind all that it needs: engines run what was recorded first as soon as they can. */
  private walk(nodes: readonly AnyNode[]): void {
    const finished = new Set<AnyNode>();
    for (const first of nodes) {
      const pending = [first];
      for (let node = pending.at(-1); node !== undefined; node = pending.at(-1)) {
        const missing = finished.has(node) ? [] : this.needs(node).filter((needed) => !finished.has(needed));
        pending.push(...missing);
        if (missing.length > 0) continue;
        if (!finished.has(node)) this.copy(node);
        finished.add(node);
        pending.pop();
      }
    }
  }

  /** Nodes of the backward pass that must be copied before this one: its inputs, and those of the gates of copies it reads. */
  private needs(node: AnyNode): AnyNode[] {
    const segments = node.inputs.map((t) => (this.forward.has(t) ? this.segmentOf(t) : undefined));
    const gates = segments.map((segment) => (segment === undefined ? undefined : this.segments[segment]!.gradient));
    return [...node.inputs, ...gates].flatMap((t) => (t === undefined || this.forward.has(t) ? [] : t.node));
  }

  private copy(node: AnyNode): void {
    const inputs = node.inputs.map((t) => this.get(t));
    if (inputs.every((t, i) => t === node.inputs[i])) return;
    const outputs = rewrite(node.outputs, new Map(node.inputs.map((t, i) => [t, inputs[i]!])));
    node.outputs.forEach((t, i) => void this.done.set(t, outputs[i]!));
  }

  private get(t: Tensor): Tensor {
    if (!this.forward.has(t)) return this.done.get(t) ?? t;
    const segment = this.segmentOf(t);
    return segment === undefined ? t : this.copiesOf(segment).get(t)!;
  }

  /** Where a tensor is computed anew; undefined where it is kept. */
  private segmentOf(t: Tensor): number | undefined {
    if (!this.again.has(t)) return undefined;
    const segment = layerOf(this.forward, this.segments)(t.node);
    return this.segments[segment]?.gradient === undefined ? undefined : segment;
  }

  private copiesOf(segment: number): ReadonlyMap<Tensor, Tensor> {
    const known = this.copies.get(segment);
    if (known !== undefined) return known;
    const wanted = this.wanted.get(segment)!;
    const gate = gateOf([this.get(this.segments[segment]!.gradient!)]);
    const sources = this.sourcesOf(wanted, segment);
    const anew = rewrite(wanted, new Map(sources.map((t) => [t, gated(t, gate)])));
    const copies = new Map(wanted.map((t, i) => [t, anew[i]!]));
    this.copies.set(segment, copies);
    return copies;
  }

  /** What the copies of a segment begin from: kept activations and data. */
  private sourcesOf(wanted: readonly Tensor[], segment: number): Tensor[] {
    const sources = new Set<Tensor>();
    const seen = new Set<Tensor>();
    const pending = [...wanted];
    for (let t = pending.pop(); t !== undefined; t = pending.pop()) {
      if (seen.has(t)) continue;
      seen.add(t);
      if (this.segmentOf(t) === segment) pending.push(...t.node.inputs);
      else if (this.forward.activations.has(t) || this.forward.data.has(t)) sources.add(t);
    }
    return [...sources];
  }
}
