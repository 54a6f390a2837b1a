/** Routing losses of transformers' Switch and Mixtral models. */

import { concat, type Tensor } from "../tensor/index.ts";
import type { GoldenAdapter, GoldenCase } from "../testing/goldens/index.ts";
import { oneHot } from "./indexing.ts";
import { balanceLoss, routerZLoss, routeTopK } from "./routing.ts";

/** Mixtral's: the layers' tokens together. */
function mixtralLoss(logits: Tensor, k: number, real?: Tensor): Tensor {
  const { probs_NE, chosen_NKE } = routeTopK(logits, { k, renormalise: true });
  return balanceLoss({ probs: probs_NE, chosen: chosen_NKE }, { real });
}

/** Switch's: every sequence by itself, then the mean. */
const switchLoss = (logits_BTE: Tensor, experts_BT: Tensor): Tensor =>
  balanceLoss({ probs: logits_BTE.softmax(-1), chosen: oneHot(experts_BT, logits_BTE.dim(-1)).unsqueeze(2) });

const rows = (logits: Tensor) => logits.reshape([-1, logits.dim(-1)]);

const builders: Readonly<Record<string, (c: GoldenCase) => Record<string, Tensor>>> = {
  "moe-balance-loss": (c) => {
    const layers = c.names("in.logits").map((name) => c.tensor(name));
    const mask = c.maybe("in.mask")?.cast("f32").reshape([-1]);
    return {
      "out.loss": mixtralLoss(
        concat(0, layers),
        c.number("top_k"),
        mask &&
          concat(
            0,
            layers.map(() => mask),
          ),
      ),
    };
  },
  "switch-balance-loss": (c) => ({ "out.loss": switchLoss(c.tensor("in.logits"), c.tensor("in.expert")) }),
  "router-z-loss": (c) => ({ "out.loss": routerZLoss(rows(c.tensor("in.logits"))) }),
  "switch-aux": (c) => {
    const logits = c.tensor("in.logits");
    return {
      "out.switch": switchLoss(logits, logits.argmax(-1)),
      "out.mixtral": mixtralLoss(rows(logits), c.number("k")),
      "out.z_loss": routerZLoss(rows(logits)),
    };
  },
};

export const adapters: readonly GoldenAdapter[] = Object.entries(builders).map(([component, outputs]) => ({
  kind: "blocks",
  component,
  build: (c) => ({ outputs: outputs(c) }),
}));
