/** torchscale rescales the scores of every form by other amounts, which the norm undoes but for ε. */
import type { GoldenAdapter } from "../../testing/goldens/index.ts";

export const adapters: readonly GoldenAdapter[] = [
  {
    kind: "blocks",
    component: "retention_layer",
    build: () => "absent: torchscale's rescaling of scores, which matters through ε",
  },
];
