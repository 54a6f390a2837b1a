/** The part of `@jax-js/jax` that the bench calls. Arrays are owned: a call consumes its arguments, `ref` keeps one. */
export interface JaxArray {
  readonly ref: JaxArray;
  readonly shape: number[];
  add(other: JaxArray | number): JaxArray;
  sub(other: JaxArray | number): JaxArray;
  mul(other: JaxArray | number): JaxArray;
  div(other: JaxArray | number): JaxArray;
  sum(): JaxArray;
  mean(): JaxArray;
  reshape(shape: number[]): JaxArray;
  transpose(axes?: number[]): JaxArray;
  dispose(): void;
  data(): Promise<Float32Array>;
}

/** Nested arrays: parameters, gradients, moments. */
export type JaxTree = { [name: string]: JaxTree } | JaxTree[] | JaxArray;

export interface Jax {
  numpy: {
    array(values: Float32Array | Int32Array | number): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    split(values: JaxArray, parts: number, axis: number): JaxArray[];
    stack(values: JaxArray[], axis: number): JaxArray;
    unstack(values: JaxArray, axis: number): JaxArray[];
    sqrt(x: JaxArray): JaxArray;
    square(x: JaxArray): JaxArray;
    tanh(x: JaxArray): JaxArray;
    minimum(a: JaxArray | number, b: JaxArray | number): JaxArray;
    zeros(shape: number[]): JaxArray;
  };
  nn: {
    gelu(x: JaxArray, options: { approximate: boolean }): JaxArray;
    sigmoid(x: JaxArray): JaxArray;
    oneHot(ids: JaxArray, classes: number): JaxArray;
    standardize(x: JaxArray, axis: number, options: { epsilon: number }): JaxArray;
    logSoftmax(x: JaxArray, axis: number): JaxArray;
    dotProductAttention(q: JaxArray, k: JaxArray, v: JaxArray, options: { isCausal: boolean }): JaxArray;
  };
  tree: {
    map<T extends JaxTree>(f: (...leaves: JaxArray[]) => JaxArray, tree: T, ...rest: T[]): T;
    leaves(tree: JaxTree): JaxArray[];
    ref<T extends JaxTree>(tree: T): T;
    dispose(tree: JaxTree): void;
  };
  valueAndGrad<P extends JaxTree, A extends JaxArray[]>(
    f: (params: P, ...rest: A) => JaxArray,
  ): (params: P, ...rest: A) => [JaxArray, P];
  jit<A extends JaxTree[], R extends JaxTree>(f: (...args: A) => R): (...args: A) => R;
}
