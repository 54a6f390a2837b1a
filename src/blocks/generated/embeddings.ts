// Written by `npm run generate` from the components' declarations.
import { features } from "../embeddings/features.ts";
import { token } from "../embeddings/token.ts";

export const embeddings = {
  features,
  token,
} as const;
