/** A component and its options, in canonical form: every default filled. */
export interface PartSpec {
  readonly kind: string;
  readonly [option: string]: unknown;
}

export const placements = ["pre", "post"] as const;
/** Where a sublayer's norm stands: on its input, or after the residual sum. */
export type Placement = (typeof placements)[number];

/** One layer: token mixer, then channel mixer (kind `none` leaves that sublayer out). */
export interface LayerSpec {
  readonly mixer: PartSpec;
  readonly channel: PartSpec;
  readonly norm: PartSpec;
  readonly placement: Placement;
  readonly residual: PartSpec;
}

/** A model as data, in canonical form: sugar expanded, defaults filled. Stored with every run. */
export interface ModelSpec {
  readonly name: string;
  readonly title: string;
  /** D, the width of the residual stream. */
  readonly width: number;
  readonly embedding: PartSpec & { readonly positions: PartSpec };
  readonly layers: readonly LayerSpec[];
  /** After the last layer. */
  readonly norm: PartSpec;
  readonly head: PartSpec;
  /** Probability of dropping an element of the embedding's and each sublayer's output in training. */
  readonly dropout: number;
  readonly objective: PartSpec;
}
