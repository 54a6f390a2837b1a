import { erase, type Families, type Family } from "./erased.ts";
import { channels } from "./generated/channels.ts";
import { embeddings } from "./generated/embeddings.ts";
import { heads } from "./generated/heads.ts";
import { histories } from "./generated/histories.ts";
import { mixers } from "./generated/mixers.ts";
import { norms } from "./generated/norms.ts";
import { positions } from "./generated/positions.ts";
import { residuals } from "./generated/residuals.ts";
import { streams } from "./generated/streams.ts";

/** Every component by family and kind. */
export const families: { readonly [F in Family]: Readonly<Record<string, Families[F]>> } = {
  mixers: erase<"mixers">(mixers),
  channels: erase<"channels">(channels),
  norms: erase<"norms">(norms),
  positions: erase<"positions">(positions),
  residuals: erase<"residuals">(residuals),
  streams: erase<"streams">(streams),
  histories: erase<"histories">(histories),
  embeddings: erase<"embeddings">(embeddings),
  heads: erase<"heads">(heads),
};

/** The same registries with every component's own types: what typed specs are made of. */
export interface TypedFamilies {
  mixers: typeof mixers;
  channels: typeof channels;
  norms: typeof norms;
  positions: typeof positions;
  residuals: typeof residuals;
  streams: typeof streams;
  histories: typeof histories;
  embeddings: typeof embeddings;
  heads: typeof heads;
}
