/** PyTorch's embedding, whose padding row gets no gradient and whose gradients may be divided by counts. */
import { embed } from "../../ops/index.ts";
import type { GoldenAdapter } from "../../testing/goldens/index.ts";

export const adapters: readonly GoldenAdapter[] = [
  {
    kind: "blocks",
    component: "embedding",
    build(c) {
      const padding = c.config.padding === undefined ? {} : { paddingIndex: c.number("padding") };
      return {
        outputs: {
          "out.y": embed(c.tensor("param.weight"), c.tensor("in.ids"), {
            ...padding,
            byFrequency: c.flag("scale_grad"),
          }),
        },
      };
    },
  },
];
