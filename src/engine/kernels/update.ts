import { type AnyNode, fail, input, type Op, type Tensor, topological } from "../../tensor/index.ts";
import type { UpdateRule } from "../engine.ts";
import { type WasmFunction, wasm, wasmModule } from "./wasm.ts";

/** Vector instructions of the elementwise ops an update rule may use. */
const instructions: Partial<Record<Op, readonly number[]>> = {
  add: wasm.add, sub: wasm.sub, mul: wasm.mul, div: wasm.div, maximum: wasm.max, minimum: wasm.min, sqrt: wasm.sqrt,
  neg: wasm.neg, abs: wasm.abs, less: wasm.less, lessEqual: wasm.lessEqual, equal: wasm.equal,
}; // biome-ignore format: a table

/** An update rule compiled: bytes that can cross to a worker, and the order of the arguments. */
export interface UpdateKernel {
  module: Uint8Array<ArrayBuffer>;
  slots: readonly string[];
  scalars: readonly string[];
}

/**
 * The two kernels of a training step over flat memory, as a WebAssembly module:
 * `update(bytes, p, g, slots…, scalars…)` applies the rule in place to `bytes` bytes (a multiple of 16) at those addresses;
 * `sumSquares(address, bytes)` is Σ x² in f64.
 */
export function compileUpdate(rule: UpdateRule): UpdateKernel {
  return { module: wasmModule([updateFunction(rule), sumSquares]), slots: rule.slots, scalars: rule.scalars };
}

function updateFunction(rule: UpdateRule): WasmFunction {
  const vector = (name: string) => input(name, [4]);
  const leaves = { p: vector("p"), g: vector("g") };
  const slots = Object.fromEntries(rule.slots.map((name) => [name, vector(name)]));
  const scalars = Object.fromEntries(rule.scalars.map((name) => [name, input(name, [])]));
  const next = rule.update({ ...leaves, slots, scalars });
  const buffers = [leaves.p, leaves.g, ...Object.values(slots)];
  const results = [next.p, ...rule.slots.map((name) => next.slots[name]!)];
  const targets = [leaves.p, ...rule.slots.map((name) => slots[name]!)];
  // Locals: bytes, one address per buffer, one f32 per scalar, then a vector per value.
  const firstVector = 1 + buffers.length + rule.scalars.length;
  const locals = new Map<Tensor, number>();
  const address = new Map(buffers.map((t, i) => [t, 1 + i]));
  const scalarLocal = new Map(Object.values(scalars).map((t, i) => [t, 1 + buffers.length + i]));
  const assign = (t: Tensor, code: readonly number[]) => {
    locals.set(t, firstVector + locals.size);
    return [...code, ...wasm.localSet(locals.get(t)!)];
  };
  const once: number[] = [];
  const body: number[] = [];
  for (const node of topological(results)) {
    const t = node.outputs[0]!;
    if (node.op === "constant") once.push(...assign(t, [...wasm.f32Const(Number(node.attrs.data[0])), ...wasm.splat]));
    else if (scalarLocal.has(t)) once.push(...assign(t, [...wasm.localGet(scalarLocal.get(t)!), ...wasm.splat]));
    else if (address.has(t)) body.push(...assign(t, [...wasm.localGet(address.get(t)!), ...wasm.load]));
    else body.push(...assign(t, operation(node, (value) => wasm.localGet(locals.get(value)!))));
  }
  results.forEach((t, i) => void body.push(...wasm.localGet(address.get(targets[i]!)!), ...wasm.localGet(locals.get(t)!), ...wasm.store));
  const count = locals.size;
  return {
    name: "update",
    params: ["i32", ...buffers.map(() => "i32" as const), ...rule.scalars.map(() => "f32" as const)],
    results: [],
    locals: [...Array.from({ length: count }, () => "v128" as const), "i32"],
    body: [...once, ...loop(body, { bytes: 0, end: firstVector + count, addresses: [...address.values()], stride: 16 })],
  };
}

function operation(node: AnyNode, get: (t: Tensor) => number[]): number[] {
  const operands = node.inputs.flatMap(get);
  if (node.op === "expand") return operands;
  if (node.op === "where") return [...get(node.inputs[1]!), ...get(node.inputs[2]!), ...get(node.inputs[0]!), ...wasm.select];
  const instruction = instructions[node.op];
  if (instruction === undefined)
    fail({ code: "E_KERNEL", where: "update rule", expected: `elementwise ops (${Object.keys(instructions).join(", ")}, where)`, got: node.op });
  return [...operands, ...instruction];
}

/** Repeats `body` until the first address has advanced by `bytes`; all addresses advance by `stride`. */
function loop(body: readonly number[], { bytes, end, addresses, stride }: { bytes: number; end: number; addresses: readonly number[]; stride: number }): number[] {
  const first = addresses[0]!;
  const advance = addresses.flatMap((local) => [...wasm.localGet(local), ...wasm.i32Const(stride), ...wasm.i32Add, ...wasm.localSet(local)]);
  const more = [...wasm.localGet(first), ...wasm.localGet(end), ...wasm.i32LtUnsigned];
  const setEnd = [...wasm.localGet(first), ...wasm.localGet(bytes), ...wasm.i32Add, ...wasm.localSet(end)];
  return [...setEnd, ...more, ...wasm.when(wasm.doWhile([...body, ...advance, ...more]))];
}

/** Locals: address, bytes, the sum (2 doubles), a pair, the end. */
const sumSquares: WasmFunction = {
  name: "sumSquares",
  params: ["i32", "i32"],
  results: ["f64"],
  locals: ["v128", "v128", "i32"],
  body: [
    ...loop(
      [
        ...[...wasm.localGet(0), ...wasm.loadPair, ...wasm.promote, ...wasm.localSet(3)],
        ...[...wasm.localGet(3), ...wasm.localGet(3), ...wasm.mulDoubles, ...wasm.localGet(2), ...wasm.addDoubles, ...wasm.localSet(2)],
      ],
      { bytes: 1, end: 4, addresses: [0], stride: 8 },
    ),
    ...[...wasm.localGet(2), ...wasm.lane(0), ...wasm.localGet(2), ...wasm.lane(1), ...wasm.f64Add],
  ],
};
