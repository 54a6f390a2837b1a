import type { Channel, Embedding, Head, History, Mixer, Norm, Position, Residual, Streams } from "./define.ts";

/** The families of components and what a member of each is, its own types forgotten. */
export interface Families {
  mixers: Mixer;
  channels: Channel;
  norms: Norm;
  positions: Position;
  residuals: Residual;
  streams: Streams;
  histories: History;
  embeddings: Embedding;
  heads: Head;
}

export type Family = keyof Families;

/**
 * Forgets a component's own config, dims and parameter types, as registries and models hold it. Sound because a
 * component only ever receives values that it made itself from its own parsed config.
 */
export function erase<F extends Family>(
  registry: Readonly<Record<string, unknown>>,
): Readonly<Record<string, Families[F]>> {
  return registry as Readonly<Record<string, Families[F]>>;
}
