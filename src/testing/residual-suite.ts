import { describe, test } from "vitest";
import type { ParameterDeclaration, Residual } from "../blocks/index.ts";
import { expectNaiveAgrees, expectNativeAgrees, expectSameBits, expectSameFunction } from "./agreement.ts";
import { type Arrays, flatten, type Loose, type Nested, nest, randomNormal } from "./arrays.ts";
import { checkSubjectDerivatives } from "./central-differences.ts";
import { contextOf, plainIo, type TestedPart, testedPart, withoutPrefix, withPrefix } from "./part.ts";
import type { Subject } from "./subject.ts";

type Config = Record<string, unknown>;

export interface ResidualSuiteOptions<C, D, P> {
  configs: readonly Partial<C>[];
  /** x, y [B][T][D] → [B][T][D]; the condition [B][1][C], where one is given. */
  naive: (at: {
    x: number[][][];
    y: number[][][];
    condition: number[][][];
    p: { readonly [K in keyof P]: Loose };
    c: C;
    d: D;
  }) => Nested;
  width?: number;
  /** Width of the condition that it is given beside x and y; absent: none. */
  condition?: (c: C) => number;
}

/** Laws of residual schemes, for every config. */
export function residualSuite<C extends Config, D extends Config, P extends Record<string, ParameterDeclaration>>(
  residual: Residual<C, D, P>,
  { configs, naive, width = 8, condition }: ResidualSuiteOptions<C, D, P>,
): void {
  const erased = residual as unknown as Residual;
  const loops = naive as unknown as ResidualSuiteOptions<Config, Config, Config>["naive"];
  describe.each(configs.map((config) => ({ label: JSON.stringify(config), config })))(
    `${residual.kind} $label`,
    ({ config }) => {
      const part = testedPart(erased, config, (c) => erased.dims(c, width));
      const subject = (rows = false) =>
        residualSubject(erased, part, { width, rows, condition: condition?.(part.c as C) });
      test("it equals the naive form in values and every gradient", () =>
        expectNaiveAgrees(subject(), { naive: (inputs) => naiveOf(part, loops, inputs), smooth: "everywhere" }));
      test("gradients equal central differences", () => checkSubjectDerivatives(subject()));
      test("every token gives what it gives alone", () => expectSameFunction(subject(true), subject()));
      test("the native engine agrees with the reference", () => expectNativeAgrees(subject()));
      test("the same graph gives the same bits", () => expectSameBits(() => subject()));
    },
  );
}

function residualSubject(
  residual: Residual,
  part: TestedPart,
  { width, rows, condition: C }: { width: number; rows: boolean; condition: number | undefined },
): Subject {
  const shape = [2, 5, width];
  return {
    inputs: {
      x: randomNormal("stream", shape),
      y: randomNormal("sublayer", shape),
      ...(C !== undefined && { condition: randomNormal("condition", [2, 1, C]) }),
      ...withPrefix("p.", part.parameters),
    },
    build: (at) => {
      const [x, y] = [at.x!, at.y!].map((t) => (rows ? t.reshape([-1, width]) : t));
      const cond = rows ? at.condition?.expand([2, 5, C!]).reshape([10, 1, C!]) : at.condition;
      const io = { ...plainIo("train"), ...(cond && { cond_BTD: cond }) };
      return { z: residual.forward(x!, y!, { ...contextOf(part, at), io }).reshape(shape) };
    },
  };
}

function naiveOf(
  part: TestedPart,
  naive: ResidualSuiteOptions<Config, Config, Config>["naive"],
  inputs: Arrays,
): Arrays {
  const p = Object.fromEntries(Object.entries(withoutPrefix("p.", inputs)).map(([name, array]) => [name, nest(array)]));
  const condition = (inputs.condition ? nest(inputs.condition) : []) as number[][][];
  return { z: flatten(naive({ x: nest(inputs.x!), y: nest(inputs.y!), condition, p, c: part.c, d: part.d })) };
}
