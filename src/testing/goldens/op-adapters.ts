import type { Tensor } from "../../tensor/index.ts";
import type { Absent, GoldenAdapter } from "./adapter.ts";
import type { GoldenCase } from "./golden-case.ts";

export type { Absent };

type OpResult = Tensor | Readonly<Record<string, Tensor>> | Absent;

/** Adapters of kind `ops`: each builds `out.y`, or its outputs by their names without `out.`. */
export function opAdapters(table: Readonly<Record<string, (c: GoldenCase) => OpResult>>): GoldenAdapter[] {
  return Object.entries(table).map(([component, make]) => ({
    kind: "ops",
    component,
    build: (c) => {
      const result = make(c);
      if (typeof result === "string") return result;
      const outputs = "node" in result ? { y: result as Tensor } : result;
      return {
        outputs: Object.fromEntries(
          Object.entries(outputs).map(([name, t]) => [name.includes(".") ? name : `out.${name}`, t]),
        ),
      };
    },
  }));
}

/** y = f(x). */
export const unary =
  (f: (x: Tensor, c: GoldenCase) => OpResult) =>
  (c: GoldenCase): OpResult =>
    f(c.tensor("in.x"), c);

/** y = f(a, b). */
export const binary =
  (f: (a: Tensor, b: Tensor, c: GoldenCase) => OpResult) =>
  (c: GoldenCase): OpResult =>
    f(c.tensor("in.a"), c.tensor("in.b"), c);

/** `config.axis`: one axis, a list, or none for all. */
export const axesOf = (c: GoldenCase): number[] | undefined =>
  c.config.axis === undefined ? undefined : c.list("axis");
