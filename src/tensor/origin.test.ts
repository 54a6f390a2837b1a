import { describe, expect, test } from "vitest";
import { emitOnnx } from "../engine/index.ts";
import { grad } from "../grad/index.ts";
import { expandFused, input, silu, type Tensor, topological, within } from "./index.ts";

const originsOf = (outputs: readonly Tensor[]) =>
  topological(outputs).map(({ op, origin: { path, pass } }) => `${pass} ${path}/${op}`);

describe("where nodes come from", () => {
  const x = input("x", [3]);
  const inner = within("outer", () => within("inner", () => silu(x)).add(1));

  test("the innermost part counts, and what stands outside has none", () => {
    expect(originsOf([inner.exp()])).toEqual([
      "forward /input",
      "forward inner/silu",
      "forward outer/constant",
      "forward outer/add",
      "forward /exp",
    ]);
  });

  test("a part that throws leaves nothing behind", () => {
    expect(() => within("broken", () => x.reshape([2, 2]))).toThrow();
    expect(x.exp().node.origin.path).toBe("");
  });

  test("gradients belong to the part of what they differentiate, copies to that of the original", () => {
    const [dx] = grad(inner.sum(), [x]);
    const backward = topological([dx!]).filter(({ origin }) => origin.pass === "backward");
    expect(backward.map(({ origin }) => origin.path)).toContain("inner");
    const expanded = topological(expandFused([inner])).filter(({ op }) => op === "sigmoid" || op === "mul");
    expect(expanded.map(({ origin }) => origin.path)).toEqual(["inner", "inner"]);
  });

  test("ONNX nodes are named after it; the names change nothing else", () => {
    const named = new TextDecoder("latin1").decode(emitOnnx({ outputs: { dx: grad(inner.sum(), [x])[0]! } }).bytes);
    expect(named).toMatch(/inner\/grad\/\w+_\d+/);
    expect(originsOf([inner])).not.toContain("backward inner/silu");
  });
});
