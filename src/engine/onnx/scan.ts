import type { GraphProto } from "onnx-buf";
import { scanInputs, type Tensor, topological } from "../../tensor/index.ts";
import { Emitter, valueInfo } from "./emitter.ts";
import { type Emission, emitNode } from "./rules.ts";

/** ONNX's Scan; captured values are reached by name from the outer graph. */
export function emitScan({ e, names, attrs, outputs }: Emission<"scan">): string[] {
  const { body, reverse } = attrs;
  const { init, xs } = scanInputs(attrs, names);
  const direction = reverse ? 1n : 0n;
  return e.node(
    "Scan",
    [...init, ...xs],
    {
      body: emitBody(e, [...body.states, ...body.xs], [...body.nextStates, ...body.ys], attrs.captures),
      num_scan_inputs: BigInt(xs.length),
      ...(xs.length > 0 && { scan_input_directions: xs.map(() => direction) }),
      ...(body.ys.length > 0 && { scan_output_directions: body.ys.map(() => direction) }),
    },
    { outputs: outputs.length },
  );
}

function emitBody(
  parent: Emitter,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  captures: readonly Tensor[],
): GraphProto {
  const e = new Emitter(parent);
  const boundary = new Set([...inputs, ...captures]);
  for (const t of inputs) e.declare(t, e.fresh("in"));
  for (const node of topological(outputs, boundary)) emitNode(e, node);
  // A body must produce each output itself and once: placeholders, captures and repeats go through Identity.
  const used = new Set<string>([...boundary].map((t) => e.nameOf(t)));
  const names = outputs.map((t) => {
    const name = used.has(e.nameOf(t)) ? e.node("Identity", [e.nameOf(t)])[0]! : e.nameOf(t);
    used.add(name);
    return name;
  });
  return e.graph(
    e.fresh("body"),
    inputs.map((t) => valueInfo(e.nameOf(t), t)),
    outputs.map((t, i) => valueInfo(names[i]!, t)),
  );
}
