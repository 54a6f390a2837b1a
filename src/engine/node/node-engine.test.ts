import { afterAll, expect, test } from "vitest";
import { grad } from "../../grad/index.ts";
import { input, scalar } from "../../tensor/index.ts";
import type { TrainerDefinition } from "../engine.ts";
import { createNodeEngine } from "./node-engine.ts";

const engine = createNodeEngine({ threads: 1 });
afterAll(() => engine.close());

test("feeds, residents, and several names of one value", async () => {
  const [x, y] = [input("x", [2]), input("y", [2])];
  const sum = x.add(y);
  const executable = await engine.compile({ outputs: { sum, again: sum, x, seven: scalar(7) } });
  await engine.put("y", { data: Float32Array.of(10, 20), shape: [2], dtype: "f32" });
  const result = await executable.run({ x: Float32Array.of(1, 2) });
  expect([...result["sum"]!, ...result["again"]!, ...result["x"]!, ...result["seven"]!]).toEqual([
    11, 22, 11, 22, 1, 2, 7,
  ]);
  await engine.drop(["y"]);
  await expect(executable.run({ x: Float32Array.of(1, 2) })).rejects.toThrow(
    /input "y": expected a value of shape \[2\], got none.*E_FEED/,
  );
});

test("kept outputs become residents, appended ones fill a buffer and wrap around", async () => {
  const s = input("s", [2, 1]);
  const executable = await engine.compile({ outputs: { next: s.add(1), entry: s.mul(10).reshape([2, 1, 1]) } });
  await engine.put("s", { data: Float32Array.of(1, 2), shape: [2, 1], dtype: "f32" });
  await engine.put("buffer", { data: new Float32Array(6), shape: [2, 3, 1], dtype: "f32" });
  for (let t = 0; t < 4; t++)
    expect(
      await executable.run(
        {},
        { keep: { next: "s" }, append: { entry: { resident: "buffer", axis: 1, positions: [t, t + 1] } } },
      ),
    ).toEqual({});
  expect([...(await engine.get("s"))]).toEqual([5, 6]);
  expect([...(await engine.get("buffer"))]).toEqual([40, 20, 30, 40, 50, 30]);
});

const definition = (clipNorm?: number): TrainerDefinition => {
  const [w, x] = [input("w", [3]), input("x", [3])];
  const loss = w.mul(x).square().sum();
  return {
    program: { outputs: { loss, "grad:w": grad(loss, [w])[0]! } },
    parameters: [{ name: "w", shape: [3], value: Float32Array.of(1, 2, 3), scalars: {} }],
    rule: {
      slots: [],
      scalars: ["rate", "gradScale"],
      update: ({ p, g, scalars: s }) => ({ p: p.sub(g.mul(s["gradScale"]!).mul(s["rate"]!)), slots: {} }),
    },
    ...(clipNorm !== undefined && { clipNorm }),
  };
};

test("a step averages micro-batches and moves the parameters in place", async () => {
  const trainer = await engine.trainer(definition());
  const feeds = [{ x: Float32Array.of(1, 0, 0) }, { x: Float32Array.of(0, 1, 0) }];
  const { outputs, gradNorm } = await trainer.step(feeds, { rate: 0.5 });
  expect(outputs["loss"]).toBeCloseTo((1 + 4) / 2, 6);
  expect(gradNorm).toBeCloseTo(Math.hypot(1, 2), 6);
  expect([...(await trainer.read("parameters"))["w"]!]).toEqual([0.5, 1, 3]);
  await trainer.write("parameters", { w: Float32Array.of(0, 0, 1) });
  expect((await trainer.step([{ x: Float32Array.of(1, 1, 1) }], { rate: 0 })).outputs["loss"]).toBe(1);
  await trainer.dispose();
});

test("gradients are clipped by their global norm", async () => {
  const trainer = await engine.trainer(definition(1));
  await trainer.step([{ x: Float32Array.of(0, 0, 1) }], { rate: 1 });
  expect((await trainer.read("parameters"))["w"]![2]).toBeCloseTo(2, 4);
  await trainer.dispose();
});

test("a step whose loss is not finite leaves the parameters alone", async () => {
  const trainer = await engine.trainer(definition());
  const { outputs } = await trainer.step([{ x: Float32Array.of(Number.NaN, 0, 0) }], { rate: 1 });
  expect(outputs["loss"]).toBeNaN();
  expect([...(await trainer.read("parameters"))["w"]!]).toEqual([1, 2, 3]);
  await trainer.dispose();
});

test("the event loop stays free while the engine computes", async () => {
  const big = input("big", [700, 700]);
  const executable = await engine.compile({
    outputs: {
      y: Array.from({ length: 12 })
        .reduce<typeof big>((t) => t.matmul(big, { alpha: 0.01 }), big)
        .sum(),
    },
  });
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await executable.run({ big: new Float32Array(490_000).fill(0.001) });
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(3);
});

test("a closed engine says so", async () => {
  const other = createNodeEngine({ threads: 1 });
  await other.close();
  await expect(other.get("x")).rejects.toThrow(/engine: expected an open engine.*E_CLOSED/);
});
