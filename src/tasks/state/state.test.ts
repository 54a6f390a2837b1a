import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRng } from "../../ops/index.ts";
import { taskSuite } from "../../testing/task-suite.ts";
import { cycleNavigation } from "./cycle-navigation.ts";
import { dyck } from "./dyck.ts";
import { evenPairs } from "./even-pairs.ts";
import { eventsOf, eventXor } from "./event-xor.ts";
import { groupWords } from "./group-words.ts";
import { parity } from "./parity.ts";
import { groupTable } from "./permutation-groups.ts";

taskSuite(parity, {
  configs: [
    { c: {}, lengths: [8, 20] },
    { c: { symbols: 3 }, lengths: [9] },
  ],
  solve: (read, { symbols }) => {
    let state = 0;
    for (const x of read.slice(0, -1)) for (let i = 0; i < x; i++) state = state + 1 === symbols ? 0 : state + 1;
    return state;
  },
});

taskSuite(evenPairs, {
  configs: [{ c: {}, lengths: [8, 15] }],
  solve: (read) => read.slice(0, -2).filter((bit, i) => bit !== read[i + 1]).length % 2,
});

taskSuite(cycleNavigation, {
  configs: [
    { c: {}, lengths: [10] },
    { c: { places: 4, steps: 2 }, lengths: [6] },
  ],
  solve(read, { places, steps }) {
    let circle = Array.from({ length: places }, (_, place) => place);
    for (const move of read.slice(0, -1))
      for (let i = 0; i < Math.abs(move - steps); i++)
        circle = move > steps ? [...circle.slice(1), circle[0]!] : [circle.at(-1)!, ...circle.slice(0, -1)];
    return circle[0];
  },
});

/** Elements of a group of permutations in the order of its table: lexicographic. */
function elements(name: string): number[][] {
  const n = Number(name.slice(1));
  const arrangements = (items: number[]): number[][] =>
    items.length < 2 ? [items] : items.flatMap((x) => arrangements(items.filter((y) => y !== x)).map((r) => [x, ...r]));
  const sign = (p: number[]) => p.reduce((s, x, i) => s * p.slice(i).reduce((t, y) => t * (y < x ? -1 : 1), 1), 1);
  return arrangements([...Array(n).keys()]).filter((p) => name.startsWith("S") || sign(p) === 1);
}

taskSuite(groupWords, {
  configs: [
    { c: {}, lengths: [6, 20] },
    { c: { group: "A5" }, lengths: [12] },
    { c: { group: "S5" }, lengths: [12] },
    { c: { group: "Z7" }, lengths: [12] },
  ],
  solve(word, { group }) {
    if (group.startsWith("Z")) return word.reduce((sum, x) => sum + x, 0) % Number(group.slice(1));
    const all = elements(group);
    // Arrange cards, from the last permutation to the first.
    const cards = word.toReversed().reduce((order, g) => order.map((i) => all[g]![i]!), all[0]!);
    return all.findIndex((element) => element.join() === cards.join());
  },
});

taskSuite(dyck, {
  configs: [
    { c: {}, lengths: [12, 31] },
    { c: { types: 2, depth: 2 }, lengths: [20] },
  ],
  solve(read, { types }) {
    // The last bracket that opens and has no partner: brackets to its right are as often closed as opened.
    for (let place = read.length - 1, open = 0; place >= 0; place--) {
      open += read[place]! < types ? 1 : -1;
      if (open === 1) return types + read[place]!;
    }
    return undefined;
  },
});

taskSuite(eventXor, {
  configs: [
    { c: {}, lengths: [10, 24] },
    { c: { events: "dense" }, lengths: [12] },
  ],
  solve(features) {
    let [ones, before] = [0, 0];
    const unit = features.filter((_, i) => i % 2 === 1).reduce((sum, elapsed) => sum + elapsed, 0);
    expect(unit).toBeCloseTo(1, 5); // the events cover all bits
    const length = [...Array(64).keys()].slice(1).find((n) => everyWhole(features, n))!;
    for (let i = 0; i < features.length; i += 2) {
      const [bit, steps] = [features[i]!, Math.round(features[i + 1]! * length)];
      ones += (steps - 1) * before + bit;
      before = bit;
    }
    return ones % 2;
  },
});

/** Whether all elapsed times are whole numbers of n-ths. */
const everyWhole = (features: readonly number[], n: number): boolean =>
  features.every((x, i) => i % 2 === 0 || Math.abs(x * n - Math.round(x * n)) < 1e-4);

describe("groups", () => {
  test.each(["S3", "S4", "S5", "A4", "A5", "Z7"])("[parity-dyck] %s is a group with identity 0", (name) => {
    const table = groupTable(name);
    const size = { S3: 6, S4: 24, S5: 120, A4: 12, A5: 60, Z7: 7 }[name]!;
    expect(table).toHaveLength(size);
    expect(table[0]).toEqual([...Array(size).keys()]);
    const rng = createRng(1);
    for (const row of table) expect(new Set(row).size).toBe(size);
    for (let i = 0; i < 200; i++) {
      const [a, b, c] = [rng.below(size), rng.below(size), rng.below(size)];
      expect(table[table[a]![b]!]![c]).toBe(table[a]![table[b]![c]!]);
    }
  });

  test("S3 and A5 do not commute", () => {
    for (const name of ["S3", "A5"]) {
      const table = groupTable(name);
      expect(table.some((row, a) => row.some((product, b) => product !== table[b]![a]))).toBe(true);
    }
  });
});

describe("Dyck words", () => {
  test("[parity-dyck] are balanced, nest no deeper than asked, and use every kind of bracket", () => {
    const config = { types: fc.integer({ min: 2, max: 5 }), depth: fc.integer({ min: 1, max: 6 }) };
    fc.assert(
      fc.property(fc.record({ ...config, half: fc.integer({ min: 1, max: 20 }), seed: fc.nat() }), (at) => {
        const { types, depth, half, seed } = at;
        const { inputs, targets, mask } = dyck.sample(createRng(seed), { length: 2 * half, c: { types, depth } });
        const letters = (ids: Iterable<number>) => Array.from(ids, (id) => String.fromCodePoint(97 + id)).join("");
        let text = letters([...inputs, targets.at(-1)!]);
        const brackets = [...Array(types).keys()].map((i) => letters([i, types + i]));
        while (brackets.some((pair) => text.includes(pair)))
          for (const pair of brackets) text = text.replaceAll(pair, "");
        expect(text).toBe("");
        let height = 0;
        for (const id of inputs) {
          height += id < types ? 1 : -1;
          expect(height).toBeLessThanOrEqual(depth);
        }
        expect(mask.reduce((sum, bit) => sum + bit, 0)).toBe(half);
      }),
    );
  });
});

test("events at changes only: the first bit, every change, and the end", () => {
  expect(eventsOf([1, 1, 0, 0, 0], "changes")).toEqual({ bits: [1, 0, 0], elapsed: [1, 2, 2] });
  expect(eventsOf([0, 1], "changes")).toEqual({ bits: [0, 1], elapsed: [1, 1] });
  expect(eventsOf([1, 1, 0], "dense")).toEqual({ bits: [1, 1, 0], elapsed: [1, 1, 1] });
});
