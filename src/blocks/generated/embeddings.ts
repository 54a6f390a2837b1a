// Written by `npm run generate` from the components' declarations.
import { features } from "../embeddings/features.ts";
import { modalities } from "../embeddings/modalities.ts";
import { token } from "../embeddings/token.ts";

export const embeddings = {
  features,
  modalities,
  token,
} as const;
