import {
  type BinaryOp,
  type BitOp,
  binaryOps,
  bitOps,
  type CompareOp,
  compareOps,
  fail,
  type LogicOp,
  logicOps,
  type Node,
  type PrimitiveOp,
  type ReduceOp,
  reduceOps,
  type UnaryOp,
  unaryOps,
} from "../../tensor/index.ts";
import { convKernel, convTransposeKernel } from "./conv.ts";
import { broadcastKernel, mapKernel, whereKernel } from "./elementwise.ts";
import { gatherElementsKernel, gatherKernel, scatterAddKernel } from "./indexing.ts";
import { type Kernel, type KernelMaker, settle } from "./kernel.ts";
import { concatKernel, expandKernel, flipKernel, padKernel, sliceKernel, transposeKernel } from "./layout.ts";
import { matmulKernel } from "./matmul.ts";
import { argmaxKernel, cumsumKernel, reduceKernel, topkKernel } from "./reduce.ts";
import {
  bitFunctions,
  compareFunctions,
  floatBinary,
  integerBinary,
  logicFunctions,
  unaryFunctions,
} from "./scalar-functions.ts";
import { scanKernel } from "./scan.ts";

type Table<K extends PrimitiveOp> = { [P in K]: KernelMaker<P> };

function rows<K extends PrimitiveOp>(ops: readonly K[], make: (op: K) => (node: Node<K>) => Kernel): Table<K> {
  return Object.fromEntries(ops.map((op) => [op, make(op)])) as unknown as Table<K>;
}

const same: Kernel = ([x]) => [x!];

/** How every primitive op is evaluated. */
export const kernels: Table<PrimitiveOp> = {
  ...rows<UnaryOp>(unaryOps, (op) => ({ outputs: [y] }) => {
    const [f, wrap] = [unaryFunctions[op], settle[y!.dtype]];
    return mapKernel(y!.dtype === "f32" ? f : (x) => wrap(f(x)));
  }),
  ...rows<BinaryOp>(
    binaryOps,
    (op) => (node) => broadcastKernel(node, (node.outputs[0]!.dtype === "f32" ? floatBinary : integerBinary)[op]),
  ),
  ...rows<CompareOp>(compareOps, (op) => (node) => broadcastKernel(node, compareFunctions[op])),
  ...rows<LogicOp>(logicOps, (op) => (node) => broadcastKernel(node, logicFunctions[op])),
  ...rows<BitOp>(bitOps, (op) => (node) => broadcastKernel(node, bitFunctions[op])),
  ...rows<ReduceOp>(reduceOps, () => reduceKernel),
  input: ({ attrs: { name } }) =>
    fail({ code: "E_FEED", where: `input "${name}"`, expected: "a leaf given to the plan", got: "one that is not" }),
  constant: ({ attrs: { data } }) => {
    const values = data instanceof Float64Array ? data : Float64Array.from(data);
    return () => [values];
  },
  not: () => mapKernel((x) => 1 - x),
  isNaN: () => mapKernel((x) => (Number.isNaN(x) ? 1 : 0)),
  cast: ({ attrs: { to } }) => (to === "f32" ? same : mapKernel(settle[to])),
  stopGradient: () => same,
  where: whereKernel,
  matmul: matmulKernel,
  reshape: () => same,
  transpose: transposeKernel,
  expand: expandKernel,
  concat: concatKernel,
  slice: sliceKernel,
  pad: padKernel,
  flip: flipKernel,
  gather: gatherKernel,
  gatherElements: gatherElementsKernel,
  scatterAdd: scatterAddKernel,
  argmax: argmaxKernel,
  topk: topkKernel,
  cumsum: cumsumKernel,
  conv: convKernel,
  convTranspose: convTransposeKernel,
  scan: scanKernel,
};
