// Written by `npm run generate` from the components' declarations.
import { none } from "../channels/none.ts";

export const channels = {
  none,
} as const;
