import type { DType, Program, Shape, Tensor, TensorData } from "../tensor/index.ts";

/** Values by name. */
export type Values = Readonly<Record<string, TensorData>>;

/** Where a growing state's new entries go: into a resident buffer along `axis`, from `positions[b]` for sequence b, modulo its size. */
export interface Append {
  resident: string;
  axis: number;
  positions: readonly number[];
}

export interface RunOptions {
  /** Output → resident value that it replaces; such outputs are not returned. */
  keep?: Readonly<Record<string, string>>;
  /** Output → resident buffer that its entries are written into; such outputs are not returned. */
  append?: Readonly<Record<string, Append>>;
}

/** A compiled program. Inputs that are not fed are taken from the engine's resident values of the same name. */
export interface Executable {
  run(feeds: Values, options?: RunOptions): Promise<Values>;
  dispose(): Promise<void>;
}

/** What an update rule is an expression of: one parameter, its gradient, its slots, and numbers (f32 []) by name. */
export interface UpdateInputs {
  p: Tensor;
  g: Tensor;
  slots: Readonly<Record<string, Tensor>>;
  scalars: Readonly<Record<string, Tensor>>;
}

/** An optimizer as an expression over one parameter `p`, its gradient `g`, its slots and scalars; all f32. */
export interface UpdateRule {
  /**
   * "element" (the default): elementwise ops only, so that one kernel updates any run of memory in place.
   * "tensor": `p` is one whole parameter; reductions and matrix products over it are allowed.
   */
  scope?: "element" | "tensor";
  /** Per-parameter state, zero at the start (moments). */
  slots: readonly string[];
  /** The slots of a parameter and their shapes, where they are not all of its own shape ("tensor" only). */
  slotShapes?(shape: Shape): Readonly<Record<string, Shape>>;
  /** Names of the numbers that `step` is given each time; group numbers come from `TrainedParameter.scalars`. */
  scalars: readonly string[];
  /**
   * Sums over the elements of all parameters of this rule, taken before any of them moves: `terms` gives what one parameter adds,
   * element by element, and `update` finds each sum among its scalars ("tensor" only).
   */
  totals?: { names: readonly string[]; terms(at: UpdateInputs): Readonly<Record<string, Tensor>> };
  update(at: UpdateInputs): { p: Tensor; slots: Readonly<Record<string, Tensor>> };
}

export interface TrainedParameter {
  /** The program's input; its gradient is the output `grad:name`. */
  name: string;
  shape: Shape;
  value: Float32Array;
  /** Numbers of this parameter's group, e.g. { weightDecay: 0.1 }; equal ones are updated together. */
  scalars: Readonly<Record<string, number>>;
  /** Default: the trainer's rule. */
  rule?: UpdateRule;
}

export interface TrainerDefinition {
  /** Outputs `loss`, `grad:…` of every parameter, `buffer:…` (next value of the resident of that name), other scalars. */
  program: Program;
  /** The same step for batches of other shapes. */
  others?: readonly Program[];
  parameters: readonly TrainedParameter[];
  rule: UpdateRule;
  /** Largest global gradient norm; larger gradients are scaled down to it. */
  clipNorm?: number;
}

export interface StepResult {
  /** Every scalar output of the program, mean over micro-batches. */
  outputs: Readonly<Record<string, number>>;
  /** Global L2 norm of the gradients before clipping. */
  gradNorm: number;
}

/** Parameters, gradients and optimizer slots in flat memory, and the program that moves them. */
export interface Trainer {
  /**
   * One optimizer step over the mean gradient of the micro-batches, by `program` (0, or i for the i-th of `others` from 1).
   * The parameters stay where they were if loss or gradient is not finite.
   */
  step(batches: readonly Values[], scalars: Readonly<Record<string, number>>, program?: number): Promise<StepResult>;
  /** Copies of the parameters, or of one optimizer slot (of those that have it), by parameter name. */
  read(what: "parameters" | { slot: string }): Promise<Record<string, Float32Array>>;
  write(what: "parameters" | { slot: string }, values: Readonly<Record<string, Float32Array>>): Promise<void>;
  dispose(): Promise<void>;
}

/**
 * node: ONNX Runtime's native CPU build; webgpu: the same on a GPU; web: ONNX Runtime Web (wasm or WebGPU);
 * reference: plain loops in f64.
 */
export type EngineKind = "node" | "webgpu" | "web" | "reference";

/** What an engine holds. */
export interface EngineUsage {
  /** Compiled graphs in use; equal graphs share one. */
  sessions: number;
  /** Compiled graphs that nobody uses, kept for when they are asked for again. */
  idleSessions: number;
  /** Graphs compiled so far. */
  sessionsCreated: number;
  /** Resident values, and their bytes. */
  residents: number;
  residentBytes: number;
}

/** One way of running graphs. */
export interface Engine {
  readonly kind: EngineKind;
  compile(program: Program): Promise<Executable>;
  trainer(definition: TrainerDefinition): Promise<Trainer>;
  /** Makes a value resident: programs find it under its name. */
  put(name: string, value: { data: TensorData; shape: Shape; dtype: DType }): Promise<void>;
  get(name: string): Promise<TensorData>;
  drop(names: readonly string[]): Promise<void>;
  usage(): Promise<EngineUsage>;
  close(): Promise<void>;
}
