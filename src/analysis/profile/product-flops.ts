/** Floating-point operations of the products that ONNX Runtime runs, read off the shapes in its profile. */
type Shapes = readonly (readonly number[])[];
type Rule = (inputs: Shapes, outputs: Shapes) => number;

const sizeOf = (shape: readonly number[] = []): number => shape.reduce((product, dim) => product * dim, 1);

/** A multiplication and an addition a term: of the first factor's last two axes, one is the output's rows, the other is summed. */
const matmul: Rule = ([a = []], [y = []]) => {
  const [rows, columns] = a.length < 2 ? [1, sizeOf(a)] : [a.at(-2)!, a.at(-1)!];
  const kept = a.length < 2 || y.length < 2 ? 1 : y.at(-2)!;
  return 2 * sizeOf(y) * ((rows * columns) / kept);
};

/** w [O, C/groups, …kernel]. */
const conv: Rule = ([, w = []], [y]) => 2 * sizeOf(y) * sizeOf(w.slice(1));
const convTranspose: Rule = ([x, w = []]) => 2 * sizeOf(x) * sizeOf(w.slice(1));

const rules: Readonly<Record<string, Rule>> = {
  MatMul: matmul,
  FusedMatMul: matmul,
  Gemm: matmul,
  FusedGemm: matmul,
  Conv: conv,
  FusedConv: conv,
  ConvTranspose: convTranspose,
};

export const isProduct = (op: string): boolean => Object.hasOwn(rules, op);

/** 2·m·n·k of a product, of each of a batch of them; 0 for ops that are none. */
export const productFlops = (op: string, inputs: Shapes, outputs: Shapes): number =>
  isProduct(op) ? rules[op]!(inputs, outputs) : 0;
