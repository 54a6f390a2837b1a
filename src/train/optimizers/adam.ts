import { z } from "zod";
import { adamSlots, adamUpdate } from "./adam-update.ts";
import { defineOptimizer } from "./define.ts";
import { decayField, rateField, weightDecayField } from "./fields.ts";
import { amsgradField, momentFields, unbias } from "./moments.ts";

/** Adam: steps of about the learning rate in every coordinate. */
export const adam = defineOptimizer({
  kind: "adam",
  title: "Adam",
  cite: { by: "Kingma & Ba 2015", arxiv: "1412.6980" },
  config: z.strictObject({
    learningRate: rateField(3e-3),
    weightDecay: weightDecayField(),
    decay: decayField("coupled"),
    ...momentFields,
    amsgrad: amsgradField,
  }),
  slots: adamSlots,
  scalarsAt: unbias,
  update: adamUpdate,
});
