/** What makes rows of logits out of rows of features. Axes: N rows, n some of them, D features, C classes. */
import { apply, binaryOps, type Op, type OpAttrs, sameShape, type Tensor, unaryOps } from "../tensor/index.ts";

export interface RowHead {
  x_ND: Tensor;
  /** What all rows share: the matrix first, then offsets and their like. */
  others: readonly Tensor[];
  /** Logits [n, C] of some rows, given what stands for `others`. */
  logits(x_nD: Tensor, others: readonly Tensor[]): Tensor;
}

/** An op on the way from the product to the logits, and which of its inputs is on it. */
interface Link {
  node: Tensor["node"];
  place: number;
}

const elementwise: ReadonlySet<Op> = new Set<Op>([...unaryOps, ...binaryOps, "where"]);

/** The product x·W, and the ops behind it; undefined where the logits are made in another way. */
export function rowHeadOf(logits: Tensor): RowHead | undefined {
  const links: Link[] = [];
  let at = logits;
  while (at.node.op !== "matmul") {
    const place = placeOnWay(at);
    if (place === undefined) return undefined;
    links.unshift({ node: at.node, place });
    at = at.node.inputs[place]!;
  }
  const [x, w] = at.node.inputs as readonly [Tensor, Tensor];
  if (w.rank !== 2 || at.node.attrs.transA) return undefined;
  return headOf(x, w, { links, product: at.node.attrs });
}

function headOf(
  x: Tensor,
  w: Tensor,
  { links, product }: { links: readonly Link[]; product: OpAttrs["matmul"] },
): RowHead {
  const moved = links.reduce((t, { node }) => movedAlike(t, node), x);
  const maps = links.filter(({ node }) => elementwise.has(node.op));
  const shared = maps.map(({ node, place }) => node.inputs.filter((_, i) => i !== place));
  const given = shared.flat().filter((t) => t.node.op !== "constant");
  return {
    x_ND: moved.reshape([-1, moved.dim(-1)]),
    others: [w, ...given],
    logits: (x_nD, [matrix, ...rest]) =>
      maps.reduce(
        (t, { node, place }, i) => {
          const own = shared[i]!.map((one) => rowOf(rest[given.indexOf(one)] ?? one));
          return apply(node.op as Op, own.toSpliced(place, 0, t), node.attrs as OpAttrs[Op])[0]!;
        },
        x_nD.matmul(matrix!, product),
      ),
  };
}

/** Which input of an op that treats rows alike holds the rows; undefined where it is another op. */
function placeOnWay({ node, shape }: Tensor): number | undefined {
  const classes = shape.at(-1)!;
  if (node.op === "reshape") return node.inputs[0]!.shape.at(-1) === classes ? 0 : undefined;
  if (node.op === "slice") return node.inputs[0]!.shape.at(-1) === classes ? 0 : undefined;
  if (!elementwise.has(node.op)) return undefined;
  const places = node.inputs.flatMap((t, i) => (sameShape(t.shape, shape) ? [i] : []));
  const others = node.inputs.filter((_, i) => i !== places[0]);
  return places.length === 1 && others.every((t) => t.size === 1 || t.size === t.shape.at(-1)) ? places[0] : undefined;
}

/** What a reshape or a slice of rows of logits does, done to rows of features. */
function movedAlike(x: Tensor, { op, attrs }: Link["node"]): Tensor {
  if (op === "reshape") return x.reshape([...attrs.shape.slice(0, -1), x.dim(-1)]);
  if (op !== "slice") return x;
  return attrs.starts
    .slice(0, -1)
    .reduce((t, start, axis) => t.slice(axis, start, attrs.ends[axis], attrs.steps[axis]), x);
}

/** What all rows share, for rows without further axes in front. */
const rowOf = (t: Tensor): Tensor => t.reshape(t.size === 1 ? [] : [t.size]);
