import { z } from "zod";
import { defineSchedule } from "./define.ts";
import { firstStepField } from "./fields.ts";
import { between, rises } from "./shapes.ts";

const config = z.strictObject({
  riseRatio: z.number().gt(0).lt(1).default(0.3).describe("share of the steps before the peak"),
  startRatio: z
    .number()
    .gt(0)
    .max(1)
    .default(1 / 25)
    .describe("first rate / peak rate"),
  endRatio: z
    .number()
    .gt(0)
    .max(1)
    .default(1 / 250_000)
    .describe("last rate / peak rate"),
  shape: z.enum(["linear", "cosine"]).default("cosine"),
  phases: z
    .union([z.literal(2), z.literal(3)])
    .default(2)
    .describe("3: back to the start, as long as the rise, then on to the end"),
  firstStep: firstStepField(0),
});

/** One rise to the peak and one fall below the start, over the whole run (Smith & Topin 2018; PyTorch's form). */
export const oneCycle = defineSchedule({
  kind: "one-cycle",
  title: "One cycle",
  cite: { by: "Smith & Topin 2018", arxiv: "1708.07120" },
  config,
  factor: (at) => oneCycleValue(at, { start: at.c.startRatio, peak: 1, end: at.c.endRatio }),
});

/** Any quantity that follows the cycle, such as a momentum that falls while the rate rises. */
export function oneCycleValue(
  { c, i, steps }: { c: z.output<typeof config>; i: number; steps: number },
  { start, peak, end }: { start: number; peak: number; end: number },
): number {
  const top = c.riseRatio * steps - 1;
  const legs = [
    { until: top, from: start, to: peak },
    ...(c.phases === 3 ? [{ until: 2 * top, from: peak, to: start }] : []),
    { until: steps - 1, from: c.phases === 3 ? start : peak, to: end },
  ];
  const found = legs.findIndex(({ until }) => i <= until);
  const place = found === -1 ? legs.length - 1 : found;
  const { until, from, to } = legs[place]!;
  const begin = legs[place - 1]?.until ?? 0;
  return between(from, to, rises[c.shape](until > begin ? Math.min(1, (i - begin) / (until - begin)) : 1));
}
