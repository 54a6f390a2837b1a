import { apply1, conv, type OpAttrs, type Tensor } from "../tensor/index.ts";
import type { Pullback } from "./rule.ts";

/** dx is the transposed convolution; dw a convolution of x with g in which batch and channels change places. */
export function convGrad({ inputs: [x, w], attrs, g, needs }: Pullback<"conv">): (Tensor | undefined)[] {
  return [
    needs[0] ? apply1("convTranspose", [g, w!], { ...attrs, output: x!.shape.slice(2) }) : undefined,
    needs[1] ? kernelGrad(x!, g, w!, attrs) : undefined,
  ];
}

/** The transposed convolution is linear in both factors, so its gradients are those of `conv` with roles exchanged. */
export function convTransposeGrad({
  inputs: [y, w],
  attrs,
  g,
  needs,
}: Pullback<"convTranspose">): (Tensor | undefined)[] {
  const { output: _, ...plain } = attrs;
  return [
    needs[0] ? apply1("conv", [g, w!], plain).slice(2, 0, y!.dim(2)) : undefined,
    needs[1] ? kernelGrad(g, y!, w!, plain) : undefined,
  ];
}

/** dw[o, c, k] = Σ_b,t g[b, o, t] · x[b, c, t·stride + k·dilation − pad]: per group, batch as channels, stride ↔ dilation. */
function kernelGrad(x: Tensor, g: Tensor, w: Tensor, { strides, dilations, pads, groups }: OpAttrs["conv"]): Tensor {
  const [batch, channels] = [x.dim(0), x.dim(1)];
  const outputs = g.dim(1);
  // [B, G, C/G, …] → [C/G, G·B, …] and [B, G, O/G, …] → [G·O/G, B, …]: one grouped convolution.
  const spatial = x.shape.slice(2).map((_, i) => i);
  const xs = x.reshape([batch, groups, channels / groups, ...x.shape.slice(2)]);
  const left = xs
    .transpose([2, 1, 0, ...spatial.map((i) => i + 3)])
    .reshape([channels / groups, groups * batch, ...x.shape.slice(2)]);
  const right = g.transpose([1, 0, ...spatial.map((i) => i + 2)]);
  const full = conv(left, right, {
    strides: [...dilations],
    dilations: [...strides],
    pads: [[...pads[0]], [...pads[1]]],
    groups,
  });
  const cut = spatial.reduce((t, i) => t.slice(i + 2, 0, w.dim(i + 2)), full);
  return cut.transpose([1, 0, ...spatial.map((i) => i + 2)]).reshape([outputs, channels / groups, ...w.shape.slice(2)]);
}
