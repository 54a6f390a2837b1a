import { loop } from "./loop.ts";
import { type WasmFunction, wasm, wasmModule } from "./wasm.ts";

/** Σ x² over `bytes` bytes at `address`, in f64. Locals: address, bytes, the sum (2 doubles), a pair, the end. */
const sumSquares: WasmFunction = {
  name: "sumSquares",
  params: ["i32", "i32"],
  results: ["f64"],
  locals: ["v128", "v128", "i32"],
  body: [
    ...loop(
      [
        ...[...wasm.localGet(0), ...wasm.loadPair, ...wasm.promote, ...wasm.localSet(3)],
        ...[
          ...wasm.localGet(3),
          ...wasm.localGet(3),
          ...wasm.mulDoubles,
          ...wasm.localGet(2),
          ...wasm.addDoubles,
          ...wasm.localSet(2),
        ],
      ],
      { bytes: 1, end: 4, addresses: [0], stride: 8 },
    ),
    ...[...wasm.localGet(2), ...wasm.lane(0), ...wasm.localGet(2), ...wasm.lane(1), ...wasm.f64Add],
  ],
};

/** A module with that function alone. */
export const normModule = (): Uint8Array<ArrayBuffer> => wasmModule([sumSquares]);
