import {
  type AnyNode,
  apply,
  apply1,
  binaryOps,
  type Op,
  type OpAttrs,
  rewrite,
  type Tensor,
  unaryOps,
} from "../tensor/index.ts";

/** Up to this many rows, one product with a one-hot matrix is quicker than adding row after row (docs/log.md). */
export const fewRows = 256;

/**
 * Products with rows looked up in a small table become lookups in a table of products: (f(E)[ids]) W = (f(E) W)[ids], where
 * f treats each row by itself (a norm, a scale). With fewer rows than ids, a first layer's projection and its gradients
 * run once a row, not once a token. What is added to such products, or cut from them, moves to the table too.
 */
export function lookUpLate(outputs: readonly Tensor[]): Tensor[] {
  const made = new Set<Tensor>();
  const findMade: Find = (t) => (made.has(t) ? lookup(t) : undefined);
  const find = rowwiseLookups();
  return rewrite(outputs, new Map(), (node, inputs) => {
    const moved = movedProduct(node, inputs, find) ?? moveBefore(node, inputs, findMade);
    if (moved === undefined) return undefined;
    const result = moved.table.gather(0, moved.ids);
    made.add(result);
    return [result];
  });
}

interface Lookup {
  /** [rows, features]. */
  table: Tensor;
  ids: Tensor;
}

/** A value as a lookup, if it is one of those looked for. */
type Find = (t: Tensor) => Lookup | undefined;

function lookup({ node }: Tensor): Lookup | undefined {
  if (node.op !== "gather" || node.attrs.axis !== 0) return undefined;
  const [table, ids] = node.inputs as [Tensor, Tensor];
  const small = table.rank === 2 && table.dim(0) <= fewRows && 2 * table.dim(0) <= ids.size;
  return small ? { table, ids } : undefined;
}

/** Finds lookups, and what is computed from them row by row; each value is looked at once. */
function rowwiseLookups(): Find {
  const known = new Map<Tensor, Lookup | undefined>();
  const find: Find = (t) => {
    if (!known.has(t)) known.set(t, lookup(t) ?? moveBefore(t.node, t.node.inputs, find));
    return known.get(t);
  };
  return find;
}

function movedProduct(node: AnyNode, [rows, factor]: readonly Tensor[], find: Find): Lookup | undefined {
  if (node.op !== "matmul" || node.attrs.transA || factor!.rank !== 2) return undefined;
  const found = find(rows!);
  return found && { table: found.table.matmul(factor!, node.attrs), ids: found.ids };
}

/** The lookup that gives an op's result, where the op keeps rows apart. */
function moveBefore(node: AnyNode, inputs: readonly Tensor[], find: Find): Lookup | undefined {
  if (perElement.has(node.op)) return movedElements(node, inputs, find);
  const found = perRow.has(node.op) ? find(inputs[0]!) : undefined;
  return found && movedLayout(node, found);
}

const perRow: ReadonlySet<Op> = new Set<Op>(["transpose", "reshape", "slice"]);

/** Ops that put the rows elsewhere, or cut each of them. */
function movedLayout({ op, attrs }: AnyNode, { table, ids }: Lookup): Lookup | undefined {
  const last = ids.rank;
  if (op === "transpose" && attrs.perm[last] === last) return { table, ids: ids.transpose(attrs.perm.slice(0, last)) };
  if (op === "reshape" && attrs.shape.at(-1) === table.dim(1))
    return { table, ids: ids.reshape(attrs.shape.slice(0, -1)) };
  if (op === "slice" && ids.shape.every((dim, axis) => cutsNothing(attrs, axis, dim))) {
    const [start, end, step] = [attrs.starts[last]!, attrs.ends[last]!, attrs.steps[last]!];
    const columns = { starts: [0, start], ends: [table.dim(0), end], steps: [1, step] };
    return { table: apply1("slice", [table], columns), ids };
  }
  return undefined;
}

const cutsNothing = ({ starts, ends, steps }: OpAttrs["slice"], axis: number, dim: number): boolean =>
  starts[axis] === 0 && ends[axis] === dim && steps[axis] === 1;

const perElement: ReadonlySet<Op> = new Set<Op>([...unaryOps, ...binaryOps, "gelu", "silu", "layerNorm", "rmsNorm"]);

/** Each row of the result depends on the same rows, and on numbers or vectors that all rows share. */
function movedElements(node: AnyNode, inputs: readonly Tensor[], find: Find): Lookup | undefined {
  const found = inputs.map((t) => (t.rank <= 1 ? undefined : find(t)));
  const first = found.find((each) => each !== undefined);
  if (first === undefined) return undefined;
  const { table, ids } = first;
  const fits = (t: Tensor, i: number) =>
    t.rank <= 1
      ? t.size === 1 || t.size === table.dim(1)
      : found[i]?.ids === ids && found[i].table.dim(0) === table.dim(0);
  if (!inputs.every(fits)) return undefined;
  const rows = inputs.map((t, i) => found[i]?.table ?? t);
  return { table: apply(node.op as Op, rows, node.attrs as OpAttrs[Op])[0]!, ids };
}
