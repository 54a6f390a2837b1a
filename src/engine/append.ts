import { type Shape, sizeOf, stridesOf, type TensorData } from "../tensor/index.ts";
import type { Append } from "./engine.ts";

/** Row-major elements with their shape. */
interface Block {
  data: TensorData;
  shape: Shape;
}

/** Copies entries [B, …, n, …] into a buffer of larger capacity along `axis`, from positions[b] on, modulo the capacity. */
export function appendEntries(
  buffer: Block,
  entries: Block,
  { axis, positions }: Pick<Append, "axis" | "positions">,
): void {
  const [to, from] = [buffer.data as Float32Array, entries.data as Float32Array];
  const [capacity, count] = [buffer.shape[axis]!, entries.shape[axis]!];
  const inner = stridesOf(entries.shape)[axis]!;
  const rows = sizeOf(entries.shape.slice(0, axis));
  const rowsPerSequence = rows / entries.shape[0]!;
  for (let row = 0; row < rows; row++) {
    const start = positions[Math.floor(row / rowsPerSequence)]!;
    for (let i = Math.max(0, count - capacity); i < count; i++) {
      const source = (row * count + i) * inner;
      to.set(from.subarray(source, source + inner), (row * capacity + ((start + i) % capacity)) * inner);
    }
  }
}
