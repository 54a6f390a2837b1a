import type { Tensor } from "../tensor/index.ts";
import type { GoldenCase } from "../testing/goldens/golden-case.ts";
import { opAdapters, unary } from "../testing/goldens/op-adapters.ts";
import { type FourierNorm, fft, irfft, rfft, rfft2 } from "./fourier.ts";
import * as layout from "./layout.ts";
import { longConv } from "./long-conv.ts";

function padded(x: Tensor, c: GoldenCase): Tensor {
  const pads = c.list("pads");
  const mode = c.text("mode") as "constant" | "reflect" | "replicate" | "circular";
  return Array.from({ length: pads.length / 2 }, (_, i) => i).reduce((t, i) => {
    const [before, after] = [pads[2 * i]!, pads[2 * i + 1]!];
    return mode === "constant"
      ? layout.padOrCrop(t, -1 - i, before, after, c.number("value"))
      : layout.padWithin(t, -1 - i, before, after, mode);
  }, x);
}

/** One number or two, as (rows, columns). */
const pair = (c: GoldenCase, key: string): number[] => {
  const [rows, columns] = c.list(key);
  return [rows!, columns ?? rows!];
};

const patches = (c: GoldenCase): layout.Patches => ({
  kernel: pair(c, "kernel_size"),
  strides: pair(c, "stride"),
  dilations: pair(c, "dilation"),
  padding: pair(c, "padding"),
});

const fourier = (c: GoldenCase) => ({
  axis: c.number("axis"),
  norm: c.text("norm") as FourierNorm,
  ...("n" in c.config && { n: c.number("n") }),
});

const complex = (c: GoldenCase) => ({ re: c.tensor("in.re"), im: c.tensor("in.im") });

export const adapters = opAdapters({
  pad: unary(padded),
  roll: unary((x, c) => c.list("axis").reduce((t, axis, i) => layout.roll(t, axis, c.list("shifts")[i]!), x)),
  repeat: unary((x, c) => layout.tile(x, c.list("repeats"))),
  repeat_interleave: unary((x, c) =>
    layout.repeatEach(x, c.number("axis"), Array.isArray(c.config.repeats) ? c.list("repeats") : c.number("repeats")),
  ),
  pixel_shuffle: unary((x, c) => layout.pixelShuffle(x, c.number("factor"))),
  windows: unary((x, c) => {
    const axis = x.axis(c.number("axis"));
    const windows = layout.windows(x, axis, { size: c.number("size"), step: c.number("step") });
    const rest = windows.shape.flatMap((_, i) => (i === axis + 1 ? [] : [i]));
    return windows.transpose([...rest, axis + 1]);
  }),
  im2col: unary((x, c) => layout.unfold(x, patches(c))),
  col2im: unary((x, c) => layout.fold(x, c.list("output_size"), patches(c))),
  rfft: unary((x, c) => ({ ...rfft(x, fourier(c)) })),
  rfft2: unary((x, c) => ({ ...rfft2(x, c.text("norm") as FourierNorm) })),
  irfft: (c) => irfft(complex(c), fourier(c)),
  fft: (c) => ({ ...fft(complex(c), fourier(c)) }),
  ifft: (c) => ({ ...fft(complex(c), { ...fourier(c), inverse: true }) }),
  fft_conv: unary((x, c) => {
    const y = longConv(x.swap(0, 1), c.tensor("param.kernel"), false).swap(0, 1);
    const skip = c.maybe("param.skip");
    return skip ? y.add(x.mul(skip.unsqueeze(-1))) : y;
  }),
});
