/**
 * What minGRU and minLSTM share: h_t = a_t ⊙ h_{t−1} + u_t with a and u of the input alone.
 * Axes: B batch, T time, D model, I inner; columns [I, B, T].
 */
import { z } from "zod";
import { fromColumns, type LinearScanOptions, linearScan, linearStep } from "../../ops/index.ts";
import { type Tensor, where } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import type { Io } from "../define.ts";
import { value, type Weight } from "../weights/use.ts";

const minConfig = z.strictObject({
  inner: z
    .int()
    .positive()
    .optional()
    .describe("size of the state; another than the model width (the default) adds a projection back to it"),
});

const minDims = (c: z.infer<typeof minConfig>, D: number) => ({ D, I: c.inner ?? D });
export type MinSizes = ReturnType<typeof minDims>;

/** g: positive, continuous, with slope 1 above 0. */
export const positive = (a: Tensor): Tensor => where(a.less(0), a.sigmoid(), a.add(0.5));

interface At<P> {
  p: P;
  s: { h?: Tensor | undefined };
  io: Io;
}

type Gates = Pick<LinearScanOptions, "a_CBT" | "u_CBT">;

/** What a recurrence declares, and both its forms, given its gates. */
export function minRecurrence<P extends { out?: Weight | undefined }>(gates: (x_BTD: Tensor, p: P) => Gates) {
  const output = (h_CBT: Tensor, { out }: P) => (out ? fromColumns(h_CBT, value(out)) : h_CBT.transpose([1, 2, 0]));
  return {
    config: minConfig,
    dims: minDims,
    tune: [{ key: "inner", unit: 1 }] as const,
    reads: ["mask_BT"] as const,
    capabilities: { ...recurrent, smooth: "away from ties" } as const,
    state: ({ I }: MinSizes) => ({ h: [I] }),
    forward(x_BTD: Tensor, { p, s, io: { mask_BT } }: At<P>) {
      const { h_CBT, h_BC } = linearScan({ ...gates(x_BTD, p), h_BC: s.h, mask_BT });
      return { y: output(h_CBT, p), s: { h: h_BC } };
    },
    step(x_BD: Tensor, { p, s }: At<P> & { s: { h: Tensor } }) {
      const { h_CBT, h_BC } = linearStep({ ...gates(x_BD.unsqueeze(1), p), h_BC: s.h });
      return { y: output(h_CBT, p).squeeze(1), s: { h: h_BC } };
    },
  };
}
