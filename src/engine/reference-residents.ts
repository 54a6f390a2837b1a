import { type DType, fail, type Shape, sizeOf, stridesOf, type Tensor, type TensorData } from "../tensor/index.ts";
import type { Append, Values } from "./engine.ts";

interface Resident {
  data: ArrayLike<number>;
  shape: Shape;
  dtype: DType;
}

/** The values that programs of one reference engine find under their names. */
export class Residents {
  private readonly held = new Map<string, Resident>();

  put(name: string, resident: Resident): void {
    this.held.set(name, resident);
  }

  drop(names: readonly string[]): void {
    for (const name of names) this.held.delete(name);
  }

  /** A copy in the type that crosses an engine's boundary. Throws E_RESIDENT. */
  read(name: string): TensorData {
    const { data, dtype } = this.find(name);
    return typed[dtype](data);
  }

  /** What an input is fed: the given value, else the resident one. Throws E_FEED where there is neither. */
  feed(leaf: Tensor, name: string, feeds: Values): ArrayLike<number> {
    const value = feeds[name] ?? this.held.get(name)?.data;
    if (value !== undefined) return value;
    return fail({
      code: "E_FEED",
      where: `input "${name}"`,
      expected: `a value of shape [${leaf.shape.join(", ")}]`,
      got: "none",
    });
  }

  /** Writes entries [B, …, n, …] into a buffer of larger capacity, from positions[b] on, modulo the capacity. */
  append(entries: Float64Array, shape: Shape, { resident, axis, positions }: Append): void {
    const buffer = this.find(resident);
    const to = buffer.data as Float64Array;
    const [capacity, count] = [buffer.shape[axis]!, shape[axis]!];
    const inner = stridesOf(shape)[axis]!;
    const rows = sizeOf(shape.slice(0, axis));
    const rowsPerSequence = rows / shape[0]!;
    for (let row = 0; row < rows; row++) {
      const start = positions[Math.floor(row / rowsPerSequence)]!;
      for (let i = Math.max(0, count - capacity); i < count; i++) {
        const from = (row * count + i) * inner;
        to.set(entries.subarray(from, from + inner), (row * capacity + ((start + i) % capacity)) * inner);
      }
    }
  }

  private find(name: string): Resident {
    return this.held.get(name) ?? fail({ code: "E_RESIDENT", where: name, expected: "a resident value", got: "none" });
  }
}

/** Numbers of the reference engine in the array that carries each dtype. */
export const typed: Readonly<Record<DType, (values: ArrayLike<number>) => TensorData>> = {
  f32: (values) => Float64Array.from(values),
  i32: (values) => Int32Array.from(values),
  u32: (values) => Uint32Array.from(values),
  bool: (values) => Uint8Array.from(values),
};
