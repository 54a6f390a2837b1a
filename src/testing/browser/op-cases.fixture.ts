import type { Values } from "../../engine/index.ts";
import { randomStream } from "../../ops/index.ts";
import { constant, type DType, input, type Program, type Tensor } from "../../tensor/index.ts";
import { randomUniform } from "../arrays.ts";
import { compositionCases } from "../composition-cases.ts";
import { gradCases } from "../grad-cases.ts";
import { gradientsOf, trace } from "../subject.ts";

/** A small program around one op, with what it is fed. */
export interface OpCase {
  name: string;
  forward: Program;
  /** The same with the gradients of Σ output · cotangent. */
  program: Program;
  feeds: Values;
}

const floats: readonly OpCase[] = [...gradCases, ...compositionCases].map(
  ({ name, inputs, range = [-2, 2], build }) => {
    const arrays = Object.fromEntries(
      inputs.map((shape, i) => [`x${i}`, randomUniform(`${name} ${i}`, shape, range)] as const),
    );
    const traced = trace({ inputs: arrays, build: (at) => ({ y: build(Object.values(at)) }) });
    const gradients = Object.entries(gradientsOf(traced)).filter((entry): entry is [string, Tensor] => !!entry[1]);
    return {
      name,
      forward: { outputs: traced.outputs },
      program: { outputs: { ...traced.outputs, ...Object.fromEntries(gradients) } },
      feeds: Object.fromEntries(Object.entries(arrays).map(([key, { data }]) => [key, Float32Array.from(data)])),
    };
  },
);

const integers = { i32: [5, -3, 0, 7, -2_000_000_000, 2_000_000_000], u32: [5, 3, 0, 7, 4_000_000_000, 2 ** 31] };
const others = { i32: [2, -3, 1, -7, 2_000_000_000, 3], u32: [2, 3, 1, 9, 4_000_000_000, 3] };

/** A case without gradient on fed vectors. */
function plain(
  name: string,
  dtype: DType,
  values: readonly (readonly number[])[],
  build: (x: Tensor[]) => Tensor,
): OpCase {
  const leaves = values.map((list, i) => input(`x${i}`, [list.length], dtype));
  const arrays = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint8Array };
  const feeds = Object.fromEntries(values.map((list, i) => [`x${i}`, arrays[dtype].from(list)]));
  const forward = { outputs: { y: build(leaves) } };
  return { name: `${name} ${dtype}`, forward, program: forward, feeds };
}

const f32 = [
  [1.5, -2, 0, 3, 3, 1e30],
  [1.5, 2, -0, 2, 4, -1e30],
] as const;
const bits = [
  [1, 1, 0, 0],
  [1, 0, 1, 0],
] as const;
const shifts = [0, 1, 5, 31, 16, 4];

const discrete: readonly OpCase[] = [
  plain("less", "f32", f32, ([a, b]) => a!.less(b!)),
  plain("lessEqual", "f32", f32, ([a, b]) => a!.lessEqual(b!)),
  plain("equal", "f32", f32, ([a, b]) => a!.equal(b!)),
  plain("isNaN", "f32", [[1, Number.NaN, Number.POSITIVE_INFINITY]], ([a]) => a!.isNaN()),
  plain("argmax", "f32", [f32[0]], ([a]) => a!.argmax(0)),
  plain("and", "bool", bits, ([a, b]) => a!.and(b!)),
  plain("or", "bool", bits, ([a, b]) => a!.or(b!)),
  plain("xor", "bool", bits, ([a, b]) => a!.xor(b!)),
  plain("not", "bool", [bits[0]], ([a]) => a!.not()),
  ...(["i32", "u32"] as const).flatMap((dtype) => [
    plain("add", dtype, [integers[dtype], others[dtype]], ([a, b]) => a!.add(b!)),
    plain("mul", dtype, [integers[dtype], others[dtype]], ([a, b]) => a!.mul(b!)),
    plain("less", dtype, [integers[dtype], others[dtype]], ([a, b]) => a!.less(b!)),
    plain("to f32", dtype, [integers[dtype]], ([a]) => a!.cast("f32")),
  ]),
  plain("bitAnd", "u32", [integers.u32, others.u32], ([a, b]) => a!.bitAnd(b!)),
  plain("bitOr", "u32", [integers.u32, others.u32], ([a, b]) => a!.bitOr(b!)),
  plain("bitXor", "u32", [integers.u32, others.u32], ([a, b]) => a!.bitXor(b!)),
  plain("shiftLeft", "u32", [integers.u32, shifts], ([a, b]) => a!.shiftLeft(b!)),
  plain("shiftRight", "u32", [integers.u32, shifts], ([a, b]) => a!.shiftRight(b!)),
  plain("constant", "i32", [integers.i32], ([a]) => a!.sub(constant(integers.i32, [6], "i32"))),
];

/** Every op of the vocabulary, and maths composed of it, values and gradients. */
export const opCases: readonly OpCase[] = [...floats, ...discrete];

/** Random numbers of the streams that training draws from, 24 bits each. */
export function drawsProgram(): { program: Program; feeds: Values } {
  const key = { seed: input("seed", [], "u32"), step: input("step", [], "u32"), path: "layers.0.dropout" };
  return {
    program: { outputs: { y: randomStream(key).uniform([3, 50]) } },
    feeds: { seed: Uint32Array.of(4_000_000_001), step: Uint32Array.of(17) },
  };
}
