import { expect, test } from "vitest";
import { randomNormal, run } from "../testing/index.ts";
import { longConv } from "./index.ts";

test("a convolution by two-step Fourier transforms equals the direct sum, for any length", () => {
  for (const [time, taps] of [
    [1, 1],
    [7, 4],
    [12, 12],
    [33, 50],
  ] as const) {
    const inputs = { u: randomNormal("u", [3, 2, time]), k: randomNormal("k", [3, taps]) };
    const { y } = run({ inputs, build: ({ u, k }) => ({ y: longConv(u!, k!, false) }) });
    const at = (c: number, b: number, t: number) => inputs.u.data[(c * 2 + b) * time + t]!;
    for (let c = 0; c < 3; c++)
      for (let b = 0; b < 2; b++)
        for (let t = 0; t < time; t++) {
          let sum = 0;
          for (let l = 0; l <= Math.min(t, taps - 1); l++) sum += inputs.k.data[c * taps + l]! * at(c, b, t - l);
          expect(y!.data[(c * 2 + b) * time + t]).toBeCloseTo(sum, 10);
        }
  }
});
