import { z } from "zod";
import { storageKinds } from "./formats.ts";

const storage = (describe: string) => z.enum(storageKinds).default("f32").describe(describe);

/** What is kept in which format; emulated: numbers are rounded to the format's values, sums and products stay f32. */
export const precisionSchema = z.strictObject({
  parameters: storage("parameters, as the model reads them"),
  master: z
    .boolean()
    .default(true)
    .describe("updates move an f32 copy of the parameters; false: updated parameters are rounded too"),
  activations: storage(
    "what matrix products and convolutions of the forward pass read, and so keep for the backward pass",
  ),
  gradients: storage("what products of the backward pass read of gradients, and each parameter's gradient"),
  moments: storage("the optimizer's state, but for averages of the parameters"),
  scale: z
    .enum(["none", "tensor"])
    .exactOptional()
    .describe(
      "tensor: each tensor is multiplied by the power of two that brings its largest number just below the format's, and divided by it when read (8-bit formats need it); what the optimizer keeps is not. Default: none",
    ),
});
export type PrecisionConfig = z.output<typeof precisionSchema>;

/** f32 throughout. */
export const fullPrecision: PrecisionConfig = precisionSchema.parse({});
