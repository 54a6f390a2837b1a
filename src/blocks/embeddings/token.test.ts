import { expect, test } from "vitest";
import { constant, softmaxCrossEntropy, type Tensor } from "../../tensor/index.ts";
import {
  evaluate,
  expectNativeAgrees,
  gradCheck,
  nest,
  plainIo,
  randomNormal,
  run,
  type Subject,
  weightsFrom,
} from "../../testing/index.ts";
import { lm } from "../heads/lm.ts";
import { sinusoidal } from "../positions/sinusoidal.ts";
import type { ParameterDeclaration } from "../weights/declare.ts";
import { token } from "./token.ts";

const [C, D] = [7, 4];
const ids = constant([3, 1, 3, 0, 6, 2], [2, 3], "i32");
const table = randomNormal("table", [C, D]);
const at = { d: { D, C, R: D }, b: {}, io: plainIo("train") };

const embedded = (rows: Tensor, scale: "none" | "sqrt-width" = "none") =>
  token.forward(ids, { ...at, c: token.config.parse({ scale }), p: weightsFrom({ table: rows }) });

test("every id gives its row, times √D where scaled", () => {
  const rows = nest(table);
  const expected = [
    [3, 1, 3],
    [0, 6, 2],
  ].map((row) => row.map((id) => rows[id]! as readonly number[]));
  for (const [scale, factor] of [
    ["none", 1],
    ["sqrt-width", 2],
  ] as const) {
    const { y } = run({ inputs: { table }, build: (t) => ({ y: embedded(t.table!, scale) }) });
    expect(nest(y!)).toEqual(expected.map((row) => row.map((vector) => vector.map((v) => factor * v))));
  }
});

test("gradients gather at repeated ids, as central differences and the native engine say", async () => {
  gradCheck((t) => embedded(t.table!, "sqrt-width"), { table });
  await expectNativeAgrees({ inputs: { table }, build: (t) => ({ y: embedded(t.table!) }) });
});

const count = (declared: Readonly<Record<string, ParameterDeclaration>>) =>
  Object.values(declared).reduce((sum, { shape }) => sum + shape.reduce((product, dim) => product * dim, 1), 0);

/** Loss of predicting the ids themselves through scaled embeddings, positions and a tied head. */
function tiedLoss(rows: Tensor, headRows: Tensor): Tensor {
  const positions = sinusoidal.config.parse({});
  const none = constant([0, 1, 2, 0, 1, 2], [2, 3], "i32");
  const x = sinusoidal.embed!(embedded(rows, "sqrt-width"), none, {
    ...at,
    c: positions,
    d: sinusoidal.dims(positions, D),
    p: {},
  });
  return softmaxCrossEntropy(
    lm.forward(x.tanh(), { ...at, c: lm.config.parse({}), p: {}, table: headRows }),
    ids,
  ).sum();
}

test("[embedding-scale-tie] embeddings times √D plus positions; tying saves C·D parameters and adds both paths' gradients", () => {
  const [tied, untied] = [true, false].map((flag) => count(lm.params({ D, C }, lm.config.parse({ tied: flag }))));
  expect(untied! - tied!).toBe(C * D);

  const once: Subject = { inputs: { table }, build: (t) => ({ loss: tiedLoss(t.table!, t.table!) }) };
  const twice: Subject = { inputs: { rows: table, head: table }, build: (t) => ({ loss: tiedLoss(t.rows!, t.head!) }) };
  const [shared, parts] = [evaluate(once), evaluate(twice)];
  const sum = {
    shape: table.shape,
    data: parts.gradients.rows!.data.map((g, i) => g + parts.gradients.head!.data[i]!),
  };
  expect(shared.outputs.loss).toEqual(parts.outputs.loss);
  expect(shared.gradients.table).toBeAllclose(sum, { tolerance: 1e-12 });
  expect(sum.data.some((g) => g !== 0)).toBe(true);
});
