import { type AnyNode, apply1, rewrite, scanInputs, scanOf, type Tensor } from "../tensor/index.ts";

/**
 * Products inside scans read matrices from outside that are wider than tall through one transposed copy: such products have
 * few rows, so that most of their time goes into packing the factor, which is quicker from short rows (docs/log.md).
 */
export function tallFactors(outputs: readonly Tensor[]): Tensor[] {
  return rewrite(outputs, new Map(), (node, inputs) => (node.op === "scan" ? tallScan(node, inputs) : undefined));
}

function tallScan(node: Extract<AnyNode, { op: "scan" }>, inputs: readonly Tensor[]): Tensor[] | undefined {
  const { body, length, reverse, captures: before } = node.attrs;
  const { init, xs, captures } = scanInputs(node.attrs, inputs);
  const tall = new Map(
    captures.flatMap((t, i) => (t.rank === 2 && t.dim(0) < t.dim(1) ? [[before[i]!, t.transpose([1, 0])]] : [])),
  );
  const outer = new Map([...body.states, ...body.xs].map((t) => [t, t]));
  before.forEach((t, i) => void outer.set(t, captures[i]!));
  let found = false;
  const inside = rewrite([...body.nextStates, ...body.ys], outer, (inner, factors) => {
    const copy = inner.op === "matmul" ? tall.get(inner.inputs[1]!) : undefined;
    if (inner.op !== "matmul" || copy === undefined) return undefined;
    found = true;
    return [apply1("matmul", [factors[0]!, copy], { ...inner.attrs, transB: !inner.attrs.transB })];
  });
  if (!found) return undefined;
  const [nextStates, ys] = [inside.slice(0, body.nextStates.length), inside.slice(body.nextStates.length)];
  const scan = scanOf({ ...body, nextStates, ys }, { init, xs, length, reverse });
  return [...scan.states, ...scan.ys];
}
