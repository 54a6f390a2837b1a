import { parseHTML } from "linkedom";
import { describe, expect, test } from "vitest";
import type { Cost, Profile } from "../../analysis/index.ts";
import { frameOf } from "./flame.ts";
import { kindOf } from "./kinds.ts";
import { renderProfile } from "./page.ts";

const hostile = "<script>alert(1)</script>\u202e";
const cost = (ms: number, flops = 0): Cost => ({
  ...{ ms, share: ms / 10, calls: 1, bytes: 1024, flops },
  gflops: flops > 0 ? flops / ms / 1e6 : null,
});

const profile: Profile = {
  model: { name: hostile, title: "Small", parameters: 1234 },
  task: { kind: "train", batch: 2, length: 8 },
  threads: 2,
  stepMs: { mean: 11, spread: 2, n: 3 },
  ms: 10,
  graphMs: 8,
  kernelMs: 7,
  peak: { gflops: 100, size: 1024 },
  products: { ...cost(3, 3e6), shareOfPeak: 0.01 },
  blocks: [
    { path: "layers.0", ...cost(6, 3e6), forwardMs: 2, backwardMs: 4 },
    { path: "head", ...cost(1), forwardMs: 1, backwardMs: 0 },
  ],
  parts: [
    { path: "layers.0.mixer", pass: "forward", ...cost(2), ops: [{ op: "MatMul", ...cost(2, 3e6) }] },
    { path: "head", pass: "forward", ...cost(1), ops: [{ op: "Add", ...cost(1) }] },
    { path: "layers.0.mixer", pass: "backward", ...cost(4), ops: [{ op: "Mul", ...cost(4) }] },
  ],
  ops: [{ op: "Mul", ...cost(4) }],
  kernels: [
    {
      name: "x",
      op: "MatMul",
      path: "layers.0.mixer",
      pass: "backward",
      inputs: [
        [2, 3],
        [3, 4],
      ],
      outputs: [[2, 4]],
      ...cost(2, 3e6),
    },
  ],
};

describe("the flame chart", () => {
  test("every box is as wide as its boxes inside, or wider; passes, blocks and parts lie above each other", () => {
    const root = frameOf(profile);
    const widths = (frame: ReturnType<typeof frameOf>): void => {
      expect(frame.inside.reduce((sum, { ms }) => sum + ms, 0)).toBeLessThanOrEqual(frame.ms + 1e-9);
      frame.inside.forEach(widths);
    };
    widths(root);
    expect(root.inside.map(({ name, ms }) => [name, ms])).toEqual([
      ["forward", 3],
      ["backward", 4],
      ["between kernels", 1],
      ["optimizer, calls", 2],
    ]);
    expect(root.inside[0]!.inside.map(({ name, inside }) => [name, inside[0]!.name])).toEqual([
      ["layers.0", "mixer"],
      ["head", "Add"],
    ]);
  });

  test("ops have kinds", () => {
    expect(
      ["FusedMatMul", "Gemm", "Softmax", "SimplifiedLayerNormalization", "Transpose", "Scan", "QuickGelu"].map(kindOf),
    ).toEqual(["product", "product", "reduction", "reduction", "movement", "scan", "elementwise"]);
  });
});

describe("the page of a profile", () => {
  const page = renderProfile({ profile, machine: "a machine", seqlab: "0.0.0" });
  const { document } = parseHTML(page);

  test("needs nothing from outside and keeps foreign text text", () => {
    expect(document.querySelectorAll("script, link, img")).toHaveLength(0);
    expect(page).not.toMatch(/https?:|url\(|\u202e|NaN|undefined|Infinity/);
    expect(renderProfile({ profile, machine: "a machine", seqlab: "0.0.0" })).toBe(page);
  });

  test("has a box for every part and a row for every block, op and kernel", () => {
    const boxes = [...document.querySelectorAll(".box")].map((box) => box.getAttribute("title"));
    expect(boxes).toContain("mixer: 4.00 ms, 40 %");
    expect(document.querySelectorAll("#blocks tbody tr")).toHaveLength(2);
    expect(document.querySelectorAll("#ops tbody tr")).toHaveLength(1);
    expect(document.querySelector("#kernels tbody")!.textContent).toContain("2×3, 3×4 → 2×4");
  });

  test("a decoding step says so and has no backward pass", () => {
    const parts = profile.parts.filter(({ pass }) => pass === "forward");
    const decoding: Profile = { ...profile, parts, task: { kind: "decode", batch: 1, length: 64 } };
    const text = renderProfile({ profile: decoding, machine: "a machine", seqlab: "0.0.0" });
    expect(text).toContain("decoding a token behind 64");
    expect(frameOf(decoding).inside.map(({ name }) => name)).toEqual(["forward", "between kernels", "calls"]);
  });
});
