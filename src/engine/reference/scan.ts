import { type Node, scanInputs, sizeOf } from "../../tensor/index.ts";
import type { Kernel, Planner } from "./kernel.ts";

/** The body, planned once, run once per step on views of the step's slices. */
export function scanKernel({ attrs, outputs }: Node<"scan">, plan: Planner): Kernel {
  const { body, length, reverse, captures } = attrs;
  const step = plan([...body.nextStates, ...body.ys], [...body.states, ...body.xs, ...captures]);
  const states = body.states.length;
  const sliceSizes = body.xs.map((t) => sizeOf(t.shape));
  return (inputs) => {
    const { init, xs, captures: captured } = scanInputs(attrs, inputs);
    const stacked = outputs.slice(states).map((t) => new Float64Array(t.size));
    let current = init;
    for (let n = 0; n < length; n++) {
      const t = reverse ? length - 1 - n : n;
      const slices = xs.map((x, i) => x.subarray(t * sliceSizes[i]!, (t + 1) * sliceSizes[i]!));
      const results = step.run([...current, ...slices, ...captured]);
      current = results.slice(0, states);
      results.slice(states).forEach((y, i) => void stacked[i]!.set(y, t * y.length));
    }
    return [...current, ...stacked];
  };
}
