import { grad } from "../../grad/index.ts";
import { sizeOf, type Tensor, zeros } from "../../tensor/index.ts";
import type { Gradients } from "./results.ts";
import { l2, type Reading, rounded, streamPaths, type Trace } from "./trace.ts";

/** Norms of the loss's gradient by every parameter and by the stream between layers. */
export function gradientNorms({ built: { model }, result, loss, source }: Trace): Reading<Gradients> {
  const paths = [...model.parameters.keys()];
  const streams = [...streamPaths(result, "encoder."), ...streamPaths(result)];
  const leaves = paths.map((path) => source.leaves.get(path));
  const known = leaves.filter((leaf) => leaf !== undefined);
  const values = grad(loss, [...known, ...streams.map((path) => result.probes[path]!)]);
  const byLeaf = new Map(known.map((leaf, i) => [leaf, values[i]]));
  const entries = paths.flatMap((path, i): [string, Tensor | undefined][] => [
    [`gradient:${path}`, leaves[i] && byLeaf.get(leaves[i])],
    [`weight:${path}`, leaves[i]],
  ]);
  const ofStreams = streams.map((path, i): [string, Tensor | undefined] => [
    `gradient:${path}`,
    values[known.length + i],
  ]);
  return {
    outputs: Object.fromEntries([...entries, ...ofStreams].map(([name, t]) => [name, normOf(t)])),
    read(numbers) {
      const norm = (name: string) => Number(numbers[name]![0]);
      const gradient = (path: string) => norm(`gradient:${path}`);
      return {
        total: rounded(l2(paths.map(gradient))),
        layers: model.layers.map(({ path }) => ({ path, norm: rounded(l2(pathsIn(path, paths).map(gradient))) })),
        streams: streams.map((path) => ({ path, norm: rounded(gradient(path)) })),
        parameters: paths.map((path) => ({
          path,
          size: sizeOf(model.parameters.get(path)!.shape),
          norm: rounded(gradient(path)),
          weightNorm: rounded(norm(`weight:${path}`)),
        })),
      };
    },
  };
}

const normOf = (t: Tensor | undefined): Tensor => t?.square().sum().sqrt() ?? zeros([]);

const pathsIn = (layer: string, paths: readonly string[]): string[] =>
  paths.filter((path) => path.startsWith(`${layer}.`));
