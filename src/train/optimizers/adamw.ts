import { z } from "zod";
import { adamSlots, adamUpdate } from "./adam-update.ts";
import { defineOptimizer } from "./define.ts";
import { decayField, rateField, weightDecayField } from "./fields.ts";
import { amsgradField, momentFields, unbias } from "./moments.ts";

/** AdamW: Adam, its weight decay apart from the gradient. */
export const adamw = defineOptimizer({
  kind: "adamw",
  title: "AdamW: Adam with decoupled weight decay",
  cite: { by: "Loshchilov & Hutter 2019", arxiv: "1711.05101" },
  config: z.strictObject({
    learningRate: rateField(3e-3),
    weightDecay: weightDecayField(0.1),
    decay: decayField("decoupled"),
    ...momentFields,
    amsgrad: amsgradField,
  }),
  slots: adamSlots,
  scalarsAt: unbias,
  update: adamUpdate,
});
