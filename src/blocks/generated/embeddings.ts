// Written by `npm run generate` from the components' declarations.
import { token } from "../embeddings/token.ts";

export const embeddings = {
  token,
} as const;
