import { expect, test } from "vitest";
import { constant, input } from "../../tensor/index.ts";
import { compileNative, run } from "../../testing/index.ts";
import { anglesOf } from "./angles.ts";

const positions = [0, 1, 2, 1000, 65_535, 65_536, 1_000_003];
const waves = [
  { frequency: 1 },
  { frequency: 0.7498942 },
  { frequency: 0.01 },
  { frequency: 1e-4 },
  { frequency: 1, quarters: 1 },
];
const exact = positions.flatMap((t) =>
  waves.map(({ frequency, quarters = 0 }) => Math.sin(t * frequency + (quarters * Math.PI) / 2)),
);

test("angles stay accurate at large positions, in f64 and in f32", async () => {
  const at = constant(positions, [positions.length, 1], "i32");
  const largest = (actual: Float64Array) => Math.max(...actual.map((value, i) => Math.abs(value - exact[i]!)));
  expect(largest(run({ inputs: {}, build: () => ({ sin: anglesOf(at, waves).sin() }) }).sin!.data)).toBeLessThan(1e-9);
  // A sum with a fed value keeps the engine from folding the graph into a constant.
  const moved = at.add(input("zero", [1]).cast("i32"));
  const program = await compileNative(
    { sin: anglesOf(moved, waves).sin() },
    { zero: { shape: [1], data: new Float64Array(1) } },
  );
  const { sin } = await program.run();
  await program.dispose();
  expect(largest(sin!.data)).toBeLessThan(1e-6);
});
