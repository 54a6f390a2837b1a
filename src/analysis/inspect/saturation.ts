import { type AnyNode, type Tensor, within } from "../../tensor/index.ts";
import { internalsOf } from "./internals.ts";
import type { GateSummary } from "./results.ts";
import { type Reading, rounded, type Trace } from "./trace.ts";

type Op = GateSummary["op"];

/** How far each gate is open, in [0, 1], from the node that computes it and its value (in a scan: of all steps). */
const openness: Readonly<Record<Op, (y: Tensor, x: Tensor | undefined) => Tensor>> = {
  sigmoid: (y) => y,
  tanh: (y) => y.add(1).mul(0.5),
  silu: (_y, x) => x!.sigmoid(),
  gelu: (_y, x) => x!.mul(Math.SQRT1_2).erf().add(1).mul(0.5),
  relu: (y) => y.greater(0).cast("f32"),
};

const margin = 0.05;

/** Every sigmoid, tanh, silu, gelu and relu of the model, also inside scans, and how much of it is at an end of its range. */
export function saturation({ result }: Trace): Reading<GateSummary[]> {
  const gates = internalsOf([result.logits]).flatMap(({ name, node, tensor }) => {
    const op = gateOp(node);
    // Inside a scan only the output is stacked: silu and gelu stand outside of scans everywhere.
    if (op === undefined || ((op === "silu" || op === "gelu") && tensor.node !== node)) return [];
    const gate = within(node.origin.path, () => openness[op](tensor, node.inputs[0]));
    return [{ name, op, gate }];
  });
  return {
    outputs: Object.fromEntries(
      gates.flatMap(({ name, op, gate }) => Object.entries(shares(gate, op)).map(([key, t]) => [`${key}:${name}`, t])),
    ),
    read: (values) =>
      gates.map(({ name, op, gate }) => {
        const at = (key: string) => rounded(Number(values[`${key}:${name}`]![0]));
        return { path: name, op, size: gate.size, closed: at("closed"), open: at("open"), stuck: at("stuck") };
      }),
  };
}

function shares(gate: Tensor, op: Op): Record<string, Tensor> {
  const others = gate.shape.slice(0, -1).map((_, axis) => axis);
  const share = (which: Tensor) => which.cast("f32").mean();
  const always = gate.max(others).less(margin);
  const never = gate.min(others).greater(1 - margin);
  return {
    closed: share(gate.less(margin)),
    // A relu that is open passes everything on: it has only one end.
    open: op === "relu" ? gate.mul(0).mean() : share(gate.greater(1 - margin)),
    stuck: share(op === "relu" ? always : always.or(never)),
  };
}

function gateOp({ op, inputs, outputs }: AnyNode): Op | undefined {
  if (outputs[0]!.rank === 0) return undefined;
  if (op === "sigmoid" || op === "tanh" || op === "silu" || op === "gelu") return op;
  return op === "maximum" && isZero(inputs[1]!) ? "relu" : undefined;
}

const isZero = ({ node, size }: Tensor): boolean => node.op === "constant" && size === 1 && node.attrs.data[0] === 0;
