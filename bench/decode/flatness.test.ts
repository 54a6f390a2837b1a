import { expect, test } from "vitest";
import { families } from "../../src/blocks/index.ts";
import { finiteMixers, isFlat, rangeOf } from "./flatness.ts";

const range = (median: number, min = median, max = median) => ({ median, min, max });
const at = (median: number, stateBytes = 8) => ({ ratio: range(median), stateBytes });

test("flat means the same state, and no more time than noise explains, up to 15 %", () => {
  expect(isFlat([at(1), at(1.04)], range(1))).toBe(true);
  expect(isFlat([at(1), at(1.08)], range(1))).toBe(false);
  expect(isFlat([at(1), at(1.08)], range(1, 0.9, 1.02))).toBe(true);
  expect(isFlat([at(1), at(1.3)], range(1, 0.5, 2))).toBe(false);
  expect(isFlat([at(1), at(0.7)], range(1))).toBe(true);
  expect(isFlat([at(1), at(1, 16)], range(1))).toBe(false);
});

test("ranges have the middle value, or the mean of the two in the middle", () => {
  expect(rangeOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
  expect(rangeOf([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
});

test("mixers of a finite state are found, those that keep tokens or cannot decode are not", () => {
  const found = finiteMixers();
  expect(found).toEqual(expect.arrayContaining(["rnn", "lstm", "gla", "mamba-2", "rwkv-7", "s4", "ltc", "conv-glu"]));
  for (const kind of ["attention", "mla", "fnet", "reformer", "cross-attention"]) expect(found).not.toContain(kind);
  expect(found.every((kind) => kind in families.mixers)).toBe(true);
});
