import { wasm } from "./wasm.ts";

/** Locals of a loop over memory: bytes to cover, its end (set here), and addresses that advance by `stride` bytes. */
export interface LoopLocals {
  bytes: number;
  end: number;
  addresses: readonly number[];
  stride: number;
}

/** Repeats `body` until the first address has advanced by `bytes`. */
export function loop(body: readonly number[], { bytes, end, addresses, stride }: LoopLocals): number[] {
  const first = addresses[0]!;
  const advance = addresses.flatMap((local) => [
    ...wasm.localGet(local),
    ...wasm.i32Const(stride),
    ...wasm.i32Add,
    ...wasm.localSet(local),
  ]);
  const more = [...wasm.localGet(first), ...wasm.localGet(end), ...wasm.i32LtUnsigned];
  const setEnd = [...wasm.localGet(first), ...wasm.localGet(bytes), ...wasm.i32Add, ...wasm.localSet(end)];
  return [...setEnd, ...more, ...wasm.when(wasm.doWhile([...body, ...advance, ...more]))];
}
