import { describe, expect, test } from "vitest";
import type { ParameterDeclaration, Position } from "../blocks/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";
import { expectNaiveAgrees, expectNativeAgrees, expectSameBits } from "./agreement.ts";
import { type Arrays, flatten, type Loose, type Nested, nest, randomNormal } from "./arrays.ts";
import { checkSubjectDerivatives } from "./central-differences.ts";
import { contextOf, plainIo, type TestedPart, testedPart, withoutPrefix, withPrefix } from "./part.ts";
import type { Subject } from "./subject.ts";

type Config = Record<string, unknown>;

interface Tables<C, D, P> {
  p: { readonly [K in keyof P]: Loose };
  c: C;
  d: D;
}

/** Naive forms of the hooks that the scheme has; each is required where its hook exists. */
export interface PositionSuiteOptions<C, D, P> {
  configs: readonly Partial<C>[];
  /** x [B][T][D], positions [B][T]. */
  embed?: (at: Tables<C, D, P> & { x: number[][][]; positions: number[][] }) => Nested;
  /** x [B][H][T][K], positions [B][T]. */
  rotate?: (at: Tables<C, D, P> & { x: number[][][][]; positions: number[][] }) => Nested;
  /** [B][H][T][S] for queries at positions [B][T] and keys at [B][S]. */
  bias?: (at: Tables<C, D, P> & { heads: number; queries: number[][]; keys: number[][] }) => Nested;
  /** The model width (embed) or head size (rotate, bias). */
  width?: number;
}

const [heads, tokens] = [4, 5];
/** Positions of two sequences, one of which begins later, as when a prompt is continued. */
const positions = [
  [0, 1, 2, 3, 4],
  [3, 4, 5, 6, 7],
];
const keys = [
  [0, 1, 2, 3, 4, 5],
  [2, 3, 4, 5, 6, 7],
];
const whole = (rows: readonly (readonly number[])[]): Tensor =>
  constant(rows.flat(), [rows.length, rows[0]!.length], "i32");

type Hook = "embed" | "rotate" | "bias";

/** Laws of position schemes: every hook against its naive form, central differences and the native engine. */
export function positionSuite<C extends Config, D extends Config, P extends Record<string, ParameterDeclaration>>(
  position: Position<C, D, P>,
  options: PositionSuiteOptions<C, D, P>,
): void {
  const [erased, naive] = [
    position as unknown as Position,
    options as unknown as PositionSuiteOptions<Config, Config, Config>,
  ];
  const { width = 8 } = options;
  const hooks = (["embed", "rotate", "bias"] as const).filter((hook) => position[hook]);
  describe.each(options.configs.map((config) => ({ label: JSON.stringify(config), config })))(
    `${position.kind} $label`,
    ({ config }) => {
      const part = testedPart(erased, config, (c) => erased.dims(c, width));
      test("it has the hooks that its naive forms describe", () => {
        expect(hooks).toEqual((["embed", "rotate", "bias"] as const).filter((hook) => naive[hook]));
      });
      describe.each(hooks)("%s", (hook) => {
        const subject = () => hookSubject(erased, part, { hook, width });
        test("it equals the naive form in values and every gradient", () =>
          expectNaiveAgrees(subject(), {
            naive: (inputs) => naiveOf(naive, part, hook, inputs),
            smooth: "everywhere",
          }));
        test("gradients equal central differences", () => checkSubjectDerivatives(subject()));
        test("the native engine agrees with the reference", () => expectNativeAgrees(subject()));
        test("the same graph gives the same bits", () => expectSameBits(subject));
      });
    },
  );
}

function hookSubject(position: Position, part: TestedPart, { hook, width }: { hook: Hook; width: number }): Subject {
  const shape = hook === "rotate" ? [2, heads, tokens, width] : [2, tokens, width];
  const x = hook === "bias" ? {} : { x: randomNormal("x", shape) };
  return {
    inputs: { ...x, ...withPrefix("p.", part.parameters) },
    build: (at) => {
      const context = { ...contextOf(part, at), io: plainIo("eval") };
      if (hook !== "bias") return { y: position[hook]!(at.x!, whole(positions), context) };
      const bias = position.bias!({ ...context, heads, queries_BT: whole(positions), keys_BS: whole(keys) });
      return { y: bias.expand([2, heads, tokens, keys[0]!.length]) };
    },
  };
}

function naiveOf(
  naive: PositionSuiteOptions<Config, Config, Config>,
  part: TestedPart,
  hook: Hook,
  inputs: Arrays,
): Arrays {
  const p = Object.fromEntries(Object.entries(withoutPrefix("p.", inputs)).map(([name, array]) => [name, nest(array)]));
  const tables = { p, c: part.c, d: part.d };
  if (hook === "bias") return { y: flatten(naive.bias!({ ...tables, heads, queries: positions, keys })) };
  const x = nest(inputs.x!);
  return {
    y: flatten(
      hook === "embed" ? naive.embed!({ ...tables, x, positions }) : naive.rotate!({ ...tables, x, positions }),
    ),
  };
}
