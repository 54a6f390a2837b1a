import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Fold, fold, foldedLength } from "./fold.ts";

const written = (folds: readonly Fold<string>[]): string =>
  folds
    .map((one) =>
      "group" in one ? `(${written(one.group)})${one.count}` : `${one.item}${one.count > 1 ? one.count : ""}`,
    )
    .join(" ");
const folded = (letters: string): string => written(fold([...letters], (letter) => letter));
const unfolded = (folds: readonly Fold<string>[]): string =>
  folds.map((one) => ("group" in one ? unfolded(one.group) : one.item).repeat(one.count)).join("");

describe("fold", () => {
  it.each([
    ["", ""],
    ["a", "a"],
    ["aaaa", "a4"],
    ["aab", "a2 b"],
    ["abab", "(a b)2"],
    ["aabaab", "(a2 b)2"],
    ["mmammac", "(m2 a)2 c"],
    ["xababab", "x (a b)3"],
  ])("writes %s as %s", (letters, expected) => {
    expect(folded(letters)).toBe(expected);
  });

  it("loses nothing", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 40 }), (letters) => {
        const folds = fold(letters, (letter) => letter);
        expect(unfolded(folds)).toBe(letters.join(""));
        expect(foldedLength(folds)).toBe(letters.length);
      }),
    );
  });
});
