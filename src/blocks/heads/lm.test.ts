import { describe, expect, test } from "vitest";
import { constant, full, softmaxCrossEntropy, type Tensor } from "../../tensor/index.ts";
import {
  compileNative,
  expectNaiveAgrees,
  expectNativeAgrees,
  flatten,
  gradCheck,
  mapArrays,
  nest,
  plainIo,
  randomNormal,
  run,
  type Subject,
  weightsFrom,
} from "../../testing/index.ts";
import { lm } from "./lm.ts";

const [C, D] = [5, 4];
type Options = Partial<ReturnType<typeof lm.config.parse>>;

function logits(t: Readonly<Record<string, Tensor>>, options: Options): Tensor {
  const { x, table, ...weights } = t;
  return lm.forward(x!, {
    c: lm.config.parse(options),
    d: { D, C },
    p: weightsFrom(weights),
    b: {},
    io: plainIo("train"),
    table,
  });
}

const cases: [string, Options, string[]][] = [
  ["tied to the table", {}, ["table"]],
  ["with a matrix of its own and a bias", { tied: false, bias: true }, ["out", "bias"]],
  ["soft-capped", { softcap: 2 }, ["table"]],
];
const shapes: Readonly<Record<string, readonly number[]>> = { x: [2, 3, D], table: [C, D], out: [D, C], bias: [C] };

describe.each(cases)("lm head %s", (_name, options, weights) => {
  const inputs = Object.fromEntries(["x", ...weights].map((name) => [name, randomNormal(name, shapes[name]!)]));
  const subject: Subject = { inputs, build: (t) => ({ y: logits(t, options) }) };

  test("equals the naive form in values and gradients, on both engines", async () => {
    const naive = (arrays: typeof inputs) => {
      const { x, table, out, bias } = Object.fromEntries(
        Object.entries(mapArrays(arrays, (a) => a)).map(([name, a]) => [name, nest(a)]),
      );
      const y = x!.map((row) =>
        row.map((token) =>
          Array.from({ length: C }, (_, id) => {
            const z = (token as number[]).reduce(
              (sum, v, i) => sum + v * (table ? table[id]![i]! : out![i]![id]!),
              bias ? +bias[id]! : 0,
            );
            return options.softcap ? options.softcap * Math.tanh(z / options.softcap) : z;
          }),
        ),
      );
      return { y: flatten(y) };
    };
    expectNaiveAgrees(subject, { naive, smooth: "everywhere" });
    gradCheck((t) => logits(t, options), inputs);
    await expectNativeAgrees(subject);
  });
});

const losses = (z: Tensor) => softmaxCrossEntropy(z, constant([0, 1, 2], [3], "i32"));

test("[lm-head-softmax] the loss is exact at logits of ±10⁴ on both engines, and ln C where all logits are equal", async () => {
  // Row t of the logits is ±10⁴ with the greatest at ids 0, 4 and 2; the targets are 0, 1 and 2.
  const x = constant([1e4, -1e4, -1e4, -1e4, -1e4, -1e4, -1e4, 1e4, 0, 1e4, 1e4, 0], [3, D]);
  const table = constant([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1], [C, D]);
  const z = logits({ x, table }, {});
  const expected = [0, 2e4, Math.log(2)];
  const build = () => ({
    extreme: losses(z),
    uniform: losses(logits({ x: full([3, D], 0.7), table: full([C, D], 0.3) }, {})),
  });
  const reference = run({ inputs: {}, build });
  const program = await compileNative(build(), {});
  for (const { extreme, uniform } of [reference, await program.run()]) {
    expect(extreme).toBeAllclose({ shape: [3], data: Float64Array.from(expected) }, { tolerance: 1e-6 });
    for (const loss of uniform!.data) expect(loss).toBeCloseTo(Math.log(C), 5);
  }
  await program.dispose();
});
