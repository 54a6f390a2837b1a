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
  /**
   * [B][H][T][S] for queries at positions [B][T] and keys at [B][S], with what is there: q [B][H][T][K], k [B][H][S][K], times
   * `scale`, and the attention's input at the queries x [B][T][D].
   */
  bias?: (
    at: Tables<C, D, P> & {
      heads: number;
      queries: number[][];
      keys: number[][];
      q: number[][][][];
      k: number[][][][];
      scale: number;
      x: number[][][];
    },
  ) => Nested;
  /** The model width (embed) or head size (rotate, bias). */
  width?: number;
  /** Whether the bias reads queries and keys, or the attention's input at the queries; absent: only places. */
  attends?: boolean | "input";
}

const [heads, tokens, scale] = [4, 5, 0.3];
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
  const { width = 8, attends = false } = options;
  const dims: (c: Config, width: number, heads?: number) => Config = erased.dims;
  const hooks = (["embed", "rotate", "bias"] as const).filter((hook) => position[hook]);
  describe.each(options.configs.map((config) => ({ label: JSON.stringify(config), config })))(
    `${position.kind} $label`,
    ({ config }) => {
      const part = testedPart(erased, config, (c) => dims(c, width, ...(attends !== false ? [heads] : [])));
      test("it has the hooks that its naive forms describe", () => {
        expect(hooks).toEqual((["embed", "rotate", "bias"] as const).filter((hook) => naive[hook]));
      });
      describe.each(hooks)("%s", (hook) => {
        const subject = () => hookSubject(erased, part, { hook, width, attends });
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

function hookSubject(
  position: Position,
  part: TestedPart,
  { hook, width, attends }: { hook: Hook; width: number; attends: boolean | "input" },
): Subject {
  const shape = hook === "rotate" ? [2, heads, tokens, width] : [2, tokens, width];
  const contents = (name: string, length: number) => ({ [name]: randomNormal(name, [2, heads, length, width]) });
  const seen = attends === true ? { ...contents("q", tokens), ...contents("k", tokens + 1) } : {};
  const biased = attends === "input" ? { x: randomNormal("x", shape) } : seen;
  const x = hook === "bias" ? biased : { x: randomNormal("x", shape) };
  return {
    inputs: { ...x, ...withPrefix("p.", part.parameters) },
    build: (at) => {
      const context = { ...contextOf(part, at), io: plainIo("eval") };
      if (hook !== "bias") return { y: position[hook]!(at.x!, whole(positions), context) };
      const block = { heads, queries_BT: whole(positions), keys_BS: whole(keys) };
      const read = attends === "input" ? { x_BTD: at.x! } : attends && { q_BHTK: at.q!, k_BGSK: at.k!, scale };
      const bias = position.bias!({ ...context, ...block, ...read });
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
  if (hook === "bias") {
    const contents = (name: string) => (inputs[name] ? (nest(inputs[name]) as number[][][][]) : []);
    const x = (inputs.x ? nest(inputs.x) : []) as number[][][];
    const seen = { q: contents("q"), k: contents("k"), scale, x };
    return { y: flatten(naive.bias!({ ...tables, ...seen, heads, queries: positions, keys })) };
  }
  const x = nest(inputs.x!);
  return {
    y: flatten(
      hook === "embed" ? naive.embed!({ ...tables, x, positions }) : naive.rotate!({ ...tables, x, positions }),
    ),
  };
}
