import { type AnyNode, fail, input, type Op, type Tensor, topological } from "../../tensor/index.ts";
import type { UpdateRule } from "../engine.ts";
import { loop } from "./loop.ts";
import { type WasmFunction, wasm, wasmModule } from "./wasm.ts";

const splat = (value: number) => [...wasm.f32Const(value), ...wasm.splat];

/** Code of the elementwise ops an update rule may use, from the code that pushes each operand. A bool is a lane of ones or of zeros. */
const instructions: Partial<Record<Op, (...operands: readonly number[][]) => number[]>> = {
  add: plain(wasm.add),
  sub: plain(wasm.sub),
  mul: plain(wasm.mul),
  div: plain(wasm.div),
  maximum: plain(wasm.max),
  minimum: plain(wasm.min),
  sqrt: plain(wasm.sqrt),
  neg: plain(wasm.neg),
  abs: plain(wasm.abs),
  less: plain(wasm.less),
  lessEqual: plain(wasm.lessEqual),
  equal: plain(wasm.equal),
  and: plain(wasm.and),
  or: plain(wasm.or),
  xor: plain(wasm.xor),
  not: plain(wasm.not),
  expand: plain([]),
  reciprocal: (x) => [...splat(1), ...x!, ...wasm.div],
  where: (condition, a, b) => [...a!, ...b!, ...condition!, ...wasm.select],
  /** ±1 of the sign of x where x is not 0, else x itself (0, NaN). */
  sign: (x) => [
    ...[...x!, ...splat(-0), ...wasm.and, ...splat(1), ...wasm.or],
    ...x!,
    ...[...x!, ...wasm.abs, ...splat(0), ...wasm.greater, ...wasm.select],
  ],
};

/** Operands in order, then one instruction. */
function plain(instruction: readonly number[]) {
  return (...operands: readonly number[][]): number[] => [...operands.flat(), ...instruction];
}

/** An update rule compiled: bytes that can cross to a worker, and the order of the arguments. */
export interface UpdateKernel {
  module: Uint8Array<ArrayBuffer>;
  slots: readonly string[];
  scalars: readonly string[];
}

/**
 * An elementwise rule as a WebAssembly module: `update(bytes, p, g, slots…, scalars…)` applies it in place to `bytes` bytes
 * (a multiple of 16) at those addresses. Throws E_KERNEL where the rule is not elementwise.
 */
export function compileUpdate(rule: UpdateRule): UpdateKernel {
  return { module: wasmModule([updateFunction(rule)]), slots: rule.slots, scalars: rule.scalars };
}

function updateFunction(rule: UpdateRule): WasmFunction {
  const vector = (name: string) => input(name, [4]);
  const leaves = { p: vector("p"), g: vector("g") };
  const slots = Object.fromEntries(rule.slots.map((name) => [name, vector(name)]));
  const scalars = Object.fromEntries(rule.scalars.map((name) => [name, input(name, [])]));
  const next = rule.update({ ...leaves, slots, scalars });
  const results = [next.p, ...rule.slots.map((name) => next.slots[name]!)];
  const targets = [leaves.p, ...Object.values(slots)];
  // Locals: bytes, one address per buffer, one f32 per scalar, then a vector per value, then the end.
  const buffers = [leaves.p, leaves.g, ...Object.values(slots)];
  const address = new Map(buffers.map((t, i) => [t, wasm.localGet(1 + i)]));
  const scalarLocal = new Map(Object.values(scalars).map((t, i) => [t, wasm.localGet(1 + buffers.length + i)]));
  const firstVector = 1 + buffers.length + rule.scalars.length;
  const { once, body, locals } = straightLine(results, { address, scalarLocal, firstVector });
  const stores = results.flatMap((t, i) => [
    ...address.get(targets[i]!)!,
    ...wasm.localGet(locals.get(t)!),
    ...wasm.store,
  ]);
  const end = firstVector + locals.size;
  return {
    name: "update",
    params: ["i32", ...buffers.map(() => "i32" as const), ...rule.scalars.map(() => "f32" as const)],
    results: [],
    locals: [...Array.from({ length: locals.size }, () => "v128" as const), "i32"],
    body: [
      ...once,
      ...loop([...body, ...stores], { bytes: 0, end, addresses: buffers.map((_, i) => 1 + i), stride: 16 }),
    ],
  };
}

interface Leaves {
  /** Code that pushes a buffer's address. */
  address: ReadonlyMap<Tensor, number[]>;
  /** Code that pushes a scalar. */
  scalarLocal: ReadonlyMap<Tensor, number[]>;
  firstVector: number;
}

/** One local per value: code run `once` for what depends on scalars alone, and per vector (`body`) for the rest. */
function straightLine(results: readonly Tensor[], { address, scalarLocal, firstVector }: Leaves) {
  const locals = new Map<Tensor, number>();
  const varying = new Set<Tensor>();
  const [once, body]: [number[], number[]] = [[], []];
  const get = (t: Tensor) => wasm.localGet(locals.get(t)!);
  for (const node of topological(results)) {
    const t = node.outputs[0]!;
    const [buffer, scalar] = [address.get(t), scalarLocal.get(t)];
    if (buffer !== undefined || node.inputs.some((value) => varying.has(value))) varying.add(t);
    const code = buffer ? [...buffer, ...wasm.load] : scalar ? [...scalar, ...wasm.splat] : operation(node, get);
    locals.set(t, firstVector + locals.size);
    (varying.has(t) ? body : once).push(...code, ...wasm.localSet(locals.get(t)!));
  }
  return { once, body, locals };
}

function operation(node: AnyNode, get: (t: Tensor) => number[]): number[] {
  if (node.op === "constant" && node.outputs[0]!.size === 1) return splat(Number(node.attrs.data[0]));
  const instruction = instructions[node.op];
  if (instruction !== undefined) return instruction(...node.inputs.map(get));
  const known = Object.keys(instructions).join(", ");
  return fail({ code: "E_KERNEL", where: "update rule", expected: `elementwise ops (${known})`, got: node.op });
}
