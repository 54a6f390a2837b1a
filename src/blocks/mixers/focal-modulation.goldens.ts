/** timm's focal modulation, on images [B, C, H, W]; its maps are convolutions of one cell. */
import type { Tensor } from "../../tensor/index.ts";
import { storedIo, storedWeight } from "../../testing/goldens/attention-of.fixture.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { focalModulation } from "./focal-modulation.ts";

interface Settings {
  focal_window: number;
  focal_level: number;
  focal_factor?: number;
}

function build(c: GoldenCase): GoldenGraph {
  const image = c.tensor("in.x");
  const [B, D, H, W] = image.shape as [number, number, number, number];
  const given = c.config.kwargs as Settings;
  const config = focalModulation.config.parse({
    levels: given.focal_level,
    window: given.focal_window,
    growth: given.focal_factor ?? 2,
  });
  const stored = (name: string) => c.tensor(`param.${name}`);
  const map = (ours: string, theirs: string): Record<string, Tensor> => ({
    [ours]: stored(`${theirs}.weight`).squeeze(3).squeeze(2).transpose([1, 0]),
    [`${ours}Bias`]: stored(`${theirs}.bias`),
  });
  const kernels = Array.from({ length: config.levels }, (_, level): [string, Tensor] => [
    `kernel${level}`,
    stored(`focal_layers.${level}.0.weight`),
  ]);
  const tensors = {
    ...map("in", "f"),
    ...map("modulate", "h"),
    ...map("out", "proj"),
    ...Object.fromEntries(kernels),
  };
  const p = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, storedWeight(tensor)])) as never;
  const at = { c: config, d: focalModulation.dims(config, D), p, s: {}, b: {}, io: storedIo({ grid: [H, W] }) };
  const { y } = focalModulation.forward(image.reshape([B, D, H * W]).swap(1, 2), at);
  return { outputs: { "out.y": y.swap(1, 2).reshape(image.shape) } };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "vision-focal-modulation", build }];
