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
  /** x, y [B][T][D] → [B][T][D]. */
  naive: (at: { x: number[][][]; y: number[][][]; p: { readonly [K in keyof P]: Loose }; c: C; d: D }) => Nested;
  width?: number;
}

/** Laws of residual schemes, for every config. */
export function residualSuite<C extends Config, D extends Config, P extends Record<string, ParameterDeclaration>>(
  residual: Residual<C, D, P>,
  { configs, naive, width = 8 }: ResidualSuiteOptions<C, D, P>,
): void {
  const erased = residual as unknown as Residual;
  const loops = naive as unknown as ResidualSuiteOptions<Config, Config, Config>["naive"];
  describe.each(configs.map((config) => ({ label: JSON.stringify(config), config })))(
    `${residual.kind} $label`,
    ({ config }) => {
      const part = testedPart(erased, config, (c) => erased.dims(c, width));
      const subject = (rows = false) => residualSubject(erased, part, { width, rows });
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
  { width, rows }: { width: number; rows: boolean },
): Subject {
  const shape = [2, 5, width];
  return {
    inputs: {
      x: randomNormal("stream", shape),
      y: randomNormal("sublayer", shape),
      ...withPrefix("p.", part.parameters),
    },
    build: (at) => {
      const [x, y] = [at.x!, at.y!].map((t) => (rows ? t.reshape([-1, width]) : t));
      return { z: residual.forward(x!, y!, { ...contextOf(part, at), io: plainIo("train") }).reshape(shape) };
    },
  };
}

function naiveOf(
  part: TestedPart,
  naive: ResidualSuiteOptions<Config, Config, Config>["naive"],
  inputs: Arrays,
): Arrays {
  const p = Object.fromEntries(Object.entries(withoutPrefix("p.", inputs)).map(([name, array]) => [name, nest(array)]));
  return { z: flatten(naive({ x: nest(inputs.x!), y: nest(inputs.y!), p, c: part.c, d: part.d })) };
}
