import type { Tensor } from "../tensor/index.ts";
import type { GoldenCase } from "../testing/goldens/golden-case.ts";
import { type Absent, opAdapters, unary } from "../testing/goldens/op-adapters.ts";
import { powerOf } from "./elementary.ts";
import { windows } from "./layout.ts";
import * as pooling from "./pooling.ts";
import { gridSample, type ResizeMode, resize } from "./resampling.ts";

/** One window per spatial axis. */
function windowsOf(x: Tensor, c: GoldenCase): pooling.Window[] {
  const at = (key: string, axis: number, fallback: number[]) => {
    const list = c.config[key] === "kernel_size" ? c.list("kernel_size") : c.list(key, fallback);
    return list[axis] ?? list[0]!;
  };
  return x.shape.slice(2).map((_, axis) => ({
    size: at("kernel_size", axis, []),
    stride: at("stride", axis, []),
    padding: at("padding", axis, [0]),
    dilation: at("dilation", axis, [1]),
    ceil: c.flag("ceil_mode"),
  }));
}

const withIndices = (c: GoldenCase, { values, indices }: { values: Tensor; indices: Tensor }) =>
  c.flag("return_indices") ? { values, indices } : values;

const average = unary((x, c) => pooling.averagePool(x, windowsOf(x, c), { countPadding: c.flag("count_include_pad") }));
const greatest = unary((x, c) => withIndices(c, pooling.maxPool(x, windowsOf(x, c))));
const adaptive = unary((x, c) => pooling.adaptiveAveragePool(x, c.list("output_size")));

function interpolate(x: Tensor, c: GoldenCase): Tensor | Absent {
  const spatial = x.shape.slice(2);
  const given = (key: string, axis: number) => c.list(key)[axis] ?? c.list(key)[0]!;
  const scale = (axis: number) => ("scale_factor" in c.config ? given("scale_factor", axis) : undefined);
  const lengths = spatial.map((dim, axis) =>
    "scale_factor" in c.config ? Math.floor(dim * scale(axis)!) : given("size", axis),
  );
  if (c.text("mode") === "area") return pooling.adaptiveAveragePool(x, lengths);
  const modes: Record<string, ResizeMode> = {
    nearest: "nearest",
    "nearest-exact": "nearest-exact",
    linear: "linear",
    bilinear: "linear",
    bicubic: "cubic",
  };
  return lengths.reduce(
    (y, length, axis) =>
      resize(y, axis + 2, {
        length,
        mode: modes[c.text("mode")]!,
        ratio: scale(axis) === undefined ? spatial[axis]! / length : 1 / scale(axis)!,
        corners: c.flag("align_corners"),
        antialias: c.flag("antialias"),
      }),
    x,
  );
}

export const adapters = opAdapters({
  avg_pool1d: average,
  avg_pool2d: average,
  adaptive_avg_pool1d: adaptive,
  adaptive_avg_pool2d: adaptive,
  max_pool1d: greatest,
  max_pool2d: greatest,
  adaptive_max_pool1d: unary((x, c) => withIndices(c, pooling.adaptiveMaxPool(x, c.list("output_size")))),
  lp_pool1d: unary((x, c) => {
    const p = c.number("norm_type");
    const sums = powerOf(windows(x, 2, { size: c.number("kernel_size"), step: c.number("stride") }), p).sum(-1);
    return sums.sign().mul(powerOf(sums.relu(), 1 / p));
  }),
  interpolate: unary(interpolate),
  grid_sample: unary((x, c) =>
    gridSample(x, c.tensor("in.grid"), {
      outside: c.text("padding_mode") as "zeros" | "border",
      corners: c.flag("align_corners"),
    }),
  ),
});
