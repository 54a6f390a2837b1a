import { describe, expect, it } from "vitest";
import { conv, gelu, input, layerNorm, scan, silu } from "../tensor/index.ts";
import { countFlops } from "./flops.ts";

const x = input("x", [2, 3, 5]);

describe("countFlops", () => {
  it("counts 2·m·n·k for products, whatever is transposed, and broadcast batches as often as they are computed", () => {
    const w = input("w", [5, 7]);
    expect(countFlops([x.matmul(w)])).toEqual({ total: 2 * 2 * 3 * 7 * 5, matmul: 420, byOp: { matmul: 420 } });
    expect(countFlops([x.matmul(input("v", [7, 5]), { transB: true })]).matmul).toBe(420);
    expect(countFlops([x.matmul(x, { transA: true })]).matmul).toBe(2 * 2 * 5 * 5 * 3);
  });

  it("counts convolutions by features, channels of the group and kernel", () => {
    const y = conv(input("image", [2, 4, 9]), input("kernel", [6, 2, 3]), { groups: 2 });
    expect(countFlops([y]).byOp).toEqual({ conv: 2 * (2 * 6 * 7) * 2 * 3 });
  });

  it("counts elementwise ops by output, reductions by input, moving nothing", () => {
    const wide = input("row", [5]).add(x);
    expect(countFlops([wide]).total).toBe(30);
    expect(countFlops([x.exp().sum(-1)]).byOp).toEqual({ exp: 30, reduceSum: 30 });
    expect(countFlops([x.transpose([2, 0, 1]).reshape([-1]).slice(0, 3).pad(0, 1, 1)]).total).toBe(0);
  });

  it("counts a node once however often it is used", () => {
    const e = x.exp();
    expect(countFlops([e.add(e), e]).byOp).toEqual({ exp: 30, add: 30 });
  });

  it("counts fused ops as their expansions", () => {
    expect(countFlops([silu(x)]).byOp).toEqual({ sigmoid: 30, mul: 30 });
    expect(countFlops([gelu(x)]).total).toBe(5 * 30);
    expect(countFlops([x.softmax()]).byOp).toEqual({ reduceMax: 30, sub: 30, exp: 30, reduceSum: 30, div: 30 });
    expect(countFlops([layerNorm(x, input("g", [5]), input("b", [5]))]).total).toBeGreaterThan(7 * 30);
  });

  it("counts a scan's body once per step, nested ones as often as both say, and nothing of what it captures", () => {
    const w = input("w", [5, 5]).exp();
    const outer = scan({
      init: [input("h", [2, 5])],
      xs: [input("xs", [4, 2, 5])],
      step: ([h], [v]) => {
        const inner = scan({
          init: [h!.add(v!)],
          xs: [],
          length: 3,
          step: ([s]) => ({ states: [silu(s!.matmul(w))], ys: [] }),
        });
        return { states: inner.states, ys: [] };
      },
    });
    const { byOp } = countFlops(outer.states);
    expect(byOp).toEqual({ exp: 25, add: 4 * 10, matmul: 4 * 3 * 2 * 2 * 5 * 5, sigmoid: 4 * 3 * 10, mul: 4 * 3 * 10 });
  });
});
