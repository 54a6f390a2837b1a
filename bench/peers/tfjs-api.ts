/** The part of `@tensorflow/tfjs` that the bench calls. */
export interface TfTensor {
  readonly shape: number[];
  readonly size: number;
  add(other: TfTensor | number): TfTensor;
  sub(other: TfTensor | number): TfTensor;
  mul(other: TfTensor | number): TfTensor;
  div(other: TfTensor | number): TfTensor;
  sum(axis?: number, keepDims?: boolean): TfTensor;
  mean(axis?: number, keepDims?: boolean): TfTensor;
  square(): TfTensor;
  sqrt(): TfTensor;
  rsqrt(): TfTensor;
  erf(): TfTensor;
  tanh(): TfTensor;
  sigmoid(): TfTensor;
  softmax(axis: number): TfTensor;
  logSoftmax(axis: number): TfTensor;
  matMul(other: TfTensor, transposeThis?: boolean, transposeOther?: boolean): TfTensor;
  reshape(shape: number[]): TfTensor;
  transpose(axes: number[]): TfTensor;
  dispose(): void;
  data(): Promise<Float32Array>;
}

export interface TfVariable extends TfTensor {
  readonly name: string;
  assign(value: TfTensor): void;
}

export interface Tf {
  setBackend(name: string): Promise<boolean>;
  tensor(values: Float32Array | Int32Array, shape: number[]): TfTensor;
  variable(initial: TfTensor): TfVariable;
  zerosLike(x: TfTensor): TfTensor;
  zeros(shape: number[]): TfTensor;
  oneHot(ids: TfTensor, classes: number): TfTensor;
  split(x: TfTensor, parts: number, axis: number): TfTensor[];
  stack(parts: TfTensor[], axis: number): TfTensor;
  unstack(x: TfTensor, axis: number): TfTensor[];
  addN(terms: TfTensor[]): TfTensor;
  minimum(a: TfTensor, b: number): TfTensor;
  scalar(value: number): TfTensor;
  tidy<T>(f: () => T): T;
  variableGrads(f: () => TfTensor, variables: TfVariable[]): { value: TfTensor; grads: Record<string, TfTensor> };
}

/** `@tensorflow/tfjs-backend-wasm`: where its binaries lie. */
export interface TfWasm {
  setWasmPaths(folder: string): void;
}
