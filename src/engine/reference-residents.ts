import { type DType, fail, type Shape, type Tensor, type TensorData } from "../tensor/index.ts";
import { appendEntries } from "./append.ts";
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

  /** How many there are, and the bytes that they would have as they cross an engine's boundary. */
  usage(): { residents: number; residentBytes: number } {
    const bytes = [...this.held.values()].map(({ data, dtype }) => data.length * (dtype === "bool" ? 1 : 4));
    return { residents: bytes.length, residentBytes: bytes.reduce((sum, each) => sum + each, 0) };
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

  /** Writes entries into a buffer of larger capacity. */
  append(data: Float64Array, shape: Shape, { resident, ...where }: Append): void {
    const buffer = this.find(resident);
    appendEntries({ data: buffer.data as Float64Array, shape: buffer.shape }, { data, shape }, where);
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
