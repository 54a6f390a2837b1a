// Written by `npm run generate` from the components' declarations.
import { hyperConnections } from "../streams/hyper-connections.ts";
import { manifoldHyperConnections } from "../streams/manifold-hyper-connections.ts";
import { reversible } from "../streams/reversible.ts";

export const streams = {
  "hyper-connections": hyperConnections,
  "manifold-hyper-connections": manifoldHyperConnections,
  reversible,
} as const;
