import { describe, expect, test, vi } from "vitest";
import {
  concat,
  input,
  type Node,
  type PrimitiveOp,
  scan,
  silu,
  type Tensor,
  where,
  zeros,
} from "../../tensor/index.ts";
import { countFlops } from "../flops.ts";
import { kernels } from "../reference/kernels.ts";
import { compileReference } from "../reference.ts";
import { criticalPath } from "./critical-path.ts";
import { countBytes, countOperations } from "./operations.ts";
import { peakBytes } from "./peak-bytes.ts";
import { spikeTensors } from "./spikes.ts";

const x = input("x", [2, 3, 5]);
const w = input("w", [5, 5]);

/** h ← silu(h W) + x over n steps, and the sum of all. */
const recurrence = (n: number) =>
  scan({
    init: [zeros([2, 5])],
    xs: [input("xs", [n, 2, 5]).exp()],
    step: ([h], [v]) => {
      const next = silu(h!.matmul(w)).add(v!);
      return { states: [next], ys: [next.mul(2)] };
    },
  });

describe("the critical path", () => {
  test("counts arithmetic, not moves, along the longest chain", () => {
    expect(criticalPath([x])).toBe(0);
    expect(criticalPath([x.transpose([1, 0, 2]).reshape([-1]).slice(0, 2).pad(0, 1, 1)])).toBe(0);
    expect(criticalPath([x.matmul(w).sum(-1).cumsum(-1)])).toBe(3);
    expect(criticalPath([x.exp().add(x.matmul(w).exp().exp()), x.exp()])).toBe(4);
    expect(criticalPath([x.softmax(-1)])).toBe(5);
  });

  test("counts the chain through a scan's states once a step, and what stands beside it once", () => {
    // A step is a product, a sigmoid, a multiplication and an addition; one more multiplication behind the last.
    for (const n of [1, 7, 40]) {
      expect(criticalPath(recurrence(n).states)).toBe(4 * n);
      expect(criticalPath(recurrence(n).ys)).toBe(4 * n + 1);
    }
    const beside = scan({
      init: [zeros([2])],
      xs: [input("xs", [9, 2])],
      step: ([s], [v]) => ({ states: [s!.add(v!.exp().exp().exp())], ys: [v!.exp()] }),
    });
    expect(criticalPath(beside.states)).toBe(3 + 9);
    expect(criticalPath(beside.ys)).toBe(1);
  });

  test("follows values from state to state, and scans within scans", () => {
    const shifted = scan({
      init: [zeros([2]), zeros([2]), zeros([2])],
      xs: [input("xs", [10, 2])],
      step: ([a, b], [v]) => ({ states: [v!.exp(), a!.exp(), b!.exp()], ys: [] }),
    });
    expect(criticalPath(shifted.states)).toBe(3);
    const outer = scan({
      init: [zeros([2])],
      xs: [],
      length: 6,
      step: ([s]) => {
        const inner = scan({ init: [s!], xs: [], length: 5, step: ([t]) => ({ states: [t!.exp()], ys: [] }) });
        return { states: inner.states, ys: [] };
      },
    });
    expect(criticalPath(outer.states)).toBe(30);
  });
});

describe("operations by kind", () => {
  test("are together what countFlops counts", () => {
    for (const graph of [[x.matmul(w).softmax(-1)], recurrence(6).ys, [where(x.greater(0), x, 0).div(2).sqrt()]]) {
      const { additions, multiplications, logic, functions } = countOperations(graph);
      expect(additions + multiplications + logic + functions).toBe(countFlops(graph).total);
    }
  });

  test("are told apart", () => {
    const mixed = [x.matmul(w).add(1).mul(x), x.exp(), x.div(w.slice(0, 0, 1).reshape([5])), x.max(-1)];
    expect(countOperations(mixed)).toEqual({
      additions: 150 + 30,
      multiplications: 150 + 30,
      logic: 30,
      functions: 30 + 30,
    });
  });

  test("a factor of spikes takes no multiplication, however it was moved", () => {
    const spikes = x.greater(0).cast("f32").transpose([0, 2, 1]).reshape([-1, 5]);
    expect(countOperations([spikes.matmul(w)])).toMatchObject({ additions: 150, multiplications: 0 });
    const chosen = where(x.less(1), 1, 0).pad(-1, 2, 0).slice(-1, 2);
    expect(countOperations([chosen.mul(x)])).toMatchObject({ additions: 0, multiplications: 0 });
    expect(countOperations([spikes.mul(2).matmul(w)])).toMatchObject({ multiplications: 150, logic: 30 + 30 });
  });

  test("a scan's state holds spikes where its start does and every step keeps it so", () => {
    const states = (next: (s: Tensor, v: Tensor) => Tensor) =>
      scan({
        init: [zeros([5])],
        xs: [input("xs", [4, 5])],
        step: ([s], [v]) => ({ states: [next(s!, v!)], ys: [s!] }),
      });
    const fired = states((_, v) => v.greater(0).cast("f32"));
    const summed = states((s, v) => s.add(v));
    const all = spikeTensors([...fired.ys, ...fired.states, ...summed.ys]);
    expect([fired.ys[0]!, fired.states[0]!, summed.ys[0]!].map((t) => all.has(t))).toEqual([true, true, false]);
  });
});

test("bytes are what each node reads and writes, a scan's weights at every step", () => {
  expect(countBytes([x.matmul(w)])).toBe(4 * (30 + 25 + 30));
  expect(countBytes([x.mul(x).reshape([-1])])).toBe(4 * (30 + 30));
  expect(countBytes([x.slice(1, 0, 1)])).toBe(4 * (10 + 10));
  const h0 = input("h", [2, 5]);
  const steps = scan({ init: [h0], xs: [], length: 7, step: ([h]) => ({ states: [h!.matmul(w)], ys: [] }) });
  expect(countBytes(steps.states)).toBe(7 * 4 * (10 + 25 + 10));
});

describe("peak bytes", () => {
  test("drop what nobody reads any more, keep results", () => {
    expect(peakBytes([x.exp().exp().exp().exp()])).toBe(2 * x.bytes);
    expect(peakBytes([x.exp().reshape([-1]).exp()])).toBe(2 * x.bytes);
    const [a, b] = [x.exp(), x.sqrt()];
    expect(peakBytes([a, b, a.add(b)])).toBe(3 * x.bytes);
    expect(peakBytes([concat(0, [a, b]).sum()])).toBe(4 * x.bytes);
  });

  test.each([
    ["softmax of products", () => [x.matmul(w).softmax(-1).matmul(w)]],
    [
      "diamonds and views",
      () => [
        x
          .exp()
          .add(x.sin().reshape([-1]).exp().reshape([2, 3, 5]))
          .sum(-1),
      ],
    ],
    ["two results", () => [x.exp().exp(), x.cos().matmul(w).sum()]],
  ] as [string, () => Tensor[]][])(
    "are those of the arrays that live while the reference engine runs: %s",
    (_, graph) => {
      expect(peakBytes(graph())).toBe(livePeak(graph()));
    },
  );
});

/** Bytes in f32 of the arrays that a run made and had still to read, at most. */
function livePeak(outputs: readonly Tensor[]): number {
  const calls: { given: readonly Float64Array[]; made: readonly Float64Array[] }[] = [];
  type Make = (node: Node<PrimitiveOp>, plan: unknown) => (values: Float64Array[]) => Float64Array[];
  const table = kernels as unknown as Record<string, Make>;
  const spies = Object.keys(table).map((op) => {
    const make = table[op]!;
    return vi.spyOn(table, op).mockImplementation((node, plan) => {
      const kernel = make(node, plan);
      return (values) => {
        const made = kernel(values);
        if (node.op !== "constant") calls.push({ given: values, made });
        return made;
      };
    });
  });
  try {
    compileReference(outputs).run({ x: new Float64Array(30).fill(0.5), w: new Float64Array(25).fill(0.1) });
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  const made = new Set(calls.flatMap((call) => [...call.made]));
  const read = new Set(calls.flatMap((call) => [...call.given]));
  const span = new Map([...made].map((array) => [array, { from: calls.length, to: 0 }]));
  for (const [place, call] of calls.entries()) {
    for (const array of call.made) span.get(array)!.from = Math.min(span.get(array)!.from, place);
    for (const array of call.given) if (made.has(array)) span.get(array)!.to = place;
  }
  for (const array of made) if (!read.has(array)) span.get(array)!.to = calls.length;
  const alive = (place: number) => [...span].filter(([, { from, to }]) => from <= place && place <= to);
  return Math.max(...calls.map((_, place) => alive(place).reduce((sum, [array]) => sum + 4 * array.length, 0)));
}
