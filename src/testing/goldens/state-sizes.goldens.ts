/** Zoology's table of state sizes: its own conventions, where ours are the elements that a decoder holds. */
import type { GoldenAdapter } from "./adapter.ts";

export const adapters: readonly GoldenAdapter[] = [
  {
    kind: "blocks",
    component: "state-size",
    build: () =>
      "absent: sizes by convention (all taps of a convolution, each pair of features once), not those of live states",
  },
];
