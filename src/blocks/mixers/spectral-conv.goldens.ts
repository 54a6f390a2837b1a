/** neuraloperator's SpectralConv: channels second, weights [in, out, modes…]. */
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { weightOf } from "./mamba-2.goldens.ts";
import { convolveGrid } from "./spectral-conv.ts";

function build(c: GoldenCase): GoldenGraph {
  const x = c.tensor("in.x");
  const [grid, modes] = [c.list("grid"), c.list("modes")];
  const [h, w] = grid.length === 1 ? [1, grid[0]!] : [grid[0]!, grid[1]!];
  const weight = (part: string) => {
    const stored = c.tensor(`param.weight.tensor.${part}`);
    const modesFirst = stored.transpose([...stored.shape.keys()].slice(2).concat(0, 1));
    return weightOf(modesFirst.reshape([-1, stored.dim(0), stored.dim(1)]));
  };
  const kept = modes.length === 1 ? ([1, modes[0]!] as const) : ([modes[0]!, modes[1]!] as const);
  const p = { re: weight("real"), im: weight("imag") };
  const y = convolveGrid(x.reshape([x.dim(0), x.dim(1), h, w]), p, kept);
  const placed = y.reshape([x.dim(0), -1, ...grid]);
  return { outputs: { "out.y": placed.add(c.tensor("param.bias")) } };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "spectral-conv", build }];
