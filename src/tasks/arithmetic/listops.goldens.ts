import type { GoldenAdapter, GoldenCase } from "../../testing/goldens/index.ts";
import { linesOf } from "../goldens.fixture.ts";
import { evaluate, listopsSymbols } from "./listops.ts";

/** Round brackets carry no information. */
function compute(c: GoldenCase) {
  const expressions = linesOf(c, "in.text").map((line) =>
    line.split(" ").flatMap((word) => (word === "(" || word === ")" ? [] : [listopsSymbols.indexOf(word)])),
  );
  return { "out.value": expressions.map(evaluate), "out.length": expressions.map(({ length }) => length) };
}

export const adapters: GoldenAdapter[] = [{ kind: "tasks", component: "listops", compute }];
