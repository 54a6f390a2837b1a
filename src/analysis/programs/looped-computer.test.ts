import { describe, expect, test } from "vitest";
import { createRng } from "../../ops/index.ts";
import { type ComputerSize, loadComputer, loopedComputer, readComputer } from "./looped-computer.ts";
import { compiled } from "./run.fixture.ts";
import { type Instruction, type SubleqState, subleqStep } from "./subleq.ts";

interface Run {
  program: readonly Instruction[];
  memory: readonly number[];
  steps: number;
  size: ComputerSize;
}

/** Runs model and interpreter side by side; every state must be the same. Ends where the machine stands still. */
function runBoth({ program, memory, steps, size }: Run): SubleqState {
  let state: SubleqState = { memory, next: 0 };
  let { features } = loadComputer({ program, state }, size) as { features: ArrayLike<number> };
  const { tokens } = loadComputer({ program, state }, size);
  const round = compiled(loopedComputer(size), tokens);
  for (let step = 0; step < steps; step++) {
    const after = subleqStep(program, state, size.bits);
    features = round(features);
    expect(readComputer(features, memory.length, size), `step ${step}`).toEqual(after);
    if (after.next === state.next) return after;
    state = after;
  }
  throw new Error(`the program did not end within ${steps} steps`);
}

/** Instructions that follow each other; a missing target is the next one. */
const assemble = (lines: readonly (readonly [a: number, b: number, c?: number])[]): Instruction[] =>
  lines.map(([a, b, c], i) => ({ a, b, c: c ?? i + 1 }));

const size = { bits: 6, addressBits: 4 } as const;

describe("a transformer that runs programs", () => {
  test("[looped-computer] addition, for numbers of both signs", () => {
    const [x, y, zero] = [0, 1, 2];
    const program = assemble([
      [x, zero],
      [zero, y],
      [zero, zero],
      [zero, zero, 3],
    ]);
    for (const [a, b] of [
      [3, 4],
      [-5, 2],
      [7, -20],
      [0, 0],
      [31, 1],
    ] as const) {
      const { memory } = runBoth({ program, memory: [a, b, 0], steps: 10, size });
      expect(memory[y]).toBe(a + b > 31 ? a + b - 64 : a + b);
    }
  });

  test("[looped-computer] multiplication by a loop that ends by a branch", () => {
    const [x, y, product, one, zero] = [0, 1, 2, 3, 4];
    const program = assemble([
      [x, zero],
      [zero, product],
      [zero, zero],
      [one, y, 5],
      [zero, zero, 0],
      [zero, zero, 5],
    ]);
    for (const [a, b] of [
      [3, 4],
      [-5, 3],
      [0, 2],
    ] as const)
      expect(runBoth({ program, memory: [a, b, 0, 1, 0], steps: 60, size }).memory[product]).toBe(a * b);
  });

  test("[looped-computer] sorting four numbers: every state of memory and counter is the interpreter's", () => {
    const [t, zero] = [4, 5];
    const exchange = (x: number, y: number, at: number) =>
      [
        [t, t],
        [x, zero],
        [zero, t],
        [zero, zero],
        [y, t, at + 9],
        [t, x],
        [t, zero],
        [zero, y],
        [zero, zero],
      ] as const;
    const pairs = [
      [0, 1],
      [2, 3],
      [0, 2],
      [1, 3],
      [1, 2],
    ] as const;
    const lines = pairs.flatMap(
      ([x, y], i) => exchange(x, y, 9 * i) as readonly (readonly [number, number, number?])[],
    );
    const program = assemble([...lines, [zero, zero, lines.length]]);
    const rng = createRng(3);
    const memory = [...Array.from({ length: 4 }, () => rng.below(31) - 15), 0, 0];
    const sorted = runBoth({ program, memory, steps: 60, size: { bits: 6, addressBits: 6 } }).memory.slice(0, 4);
    expect(sorted).toEqual(memory.slice(0, 4).toSorted((a, b) => a - b));
  });

  test("[looped-computer] random programs", () => {
    const rng = createRng(5);
    for (let trial = 0; trial < 6; trial++) {
      const program = Array.from({ length: 6 }, () => ({ a: rng.below(5), b: rng.below(5), c: rng.below(6) }));
      let state: SubleqState = { memory: Array.from({ length: 5 }, () => rng.below(64) - 32), next: 0 };
      const { features, tokens } = loadComputer({ program, state }, size);
      const round = compiled(loopedComputer(size), tokens);
      let at: ArrayLike<number> = features;
      for (let step = 0; step < 12 && state.next < program.length; step++) {
        [state, at] = [subleqStep(program, state, size.bits), round(at)];
        expect(readComputer(at, 5, size)).toEqual(state);
      }
    }
  });

  test("[looped-computer] a loop of three rounds is three passes through one", () => {
    const state = { memory: [3, 4, 0], next: 0 };
    const program = assemble([
      [0, 2],
      [2, 1],
      [2, 2],
      [2, 2, 3],
    ]);
    const { features, tokens } = loadComputer({ program, state }, size);
    const once = compiled(loopedComputer(size), tokens);
    const thrice = compiled(loopedComputer({ ...size, times: 3 }), tokens);
    expect(thrice(features)).toEqual(once(once(once(features))));
    expect(readComputer(thrice(features), 3, size).memory).toEqual([3, 7, 0]);
  });

  test("[turing-complete] one set of weights runs every program of any length that its addresses reach: its size depends on the bits alone", () => {
    const countOf = (own: ComputerSize) =>
      [...loopedComputer(own).values.values()].reduce((sum, { length }) => sum + length, 0);
    const weights = loopedComputer(size).values;
    expect(loopedComputer({ ...size, times: 5 }).values).toEqual(weights);
    // Two more address bits: four times the tokens, less than twice the weights.
    expect(countOf({ ...size, addressBits: 6 }) / countOf(size)).toBeLessThan(2);
    // A counter of nested loops: 2 × 3 rounds, more steps than the program has instructions.
    const [i, j, one, two, total, zero, minus] = [0, 1, 2, 3, 4, 5, 6];
    const program = assemble([
      [j, j],
      [two, zero],
      [zero, j],
      [zero, zero],
      [minus, total],
      [one, j, 7],
      [zero, zero, 4],
      [one, i, 9],
      [zero, zero, 0],
      [zero, zero, 9],
    ]);
    const end = runBoth({ program, memory: [3, 0, 1, 2, 0, 0, -1], steps: 80, size: { bits: 6, addressBits: 5 } });
    expect(end.memory[total]).toBe(6);
  });
});
