import { expect, test } from "vitest";
import { gelu, type Tensor } from "../../tensor/index.ts";
import {
  type Arrays,
  drawParameters,
  evaluate,
  gradCheck,
  type NdArray,
  normSuite,
  plainIo,
  randomNormal,
  run,
  type Subject,
  weightsFrom,
} from "../../testing/index.ts";
import { conditionGate } from "../residuals/condition-gate.ts";
import { adaptiveNorm } from "./adaptive-norm.ts";

type Config = ReturnType<typeof adaptiveNorm.config.parse>;

const [B, T, D, C] = [2, 3, 6, 4];

/** The norm of x [B, T, D] given a condition of each sequence. */
function subjectOf(config: Partial<Config>): Subject & { c: Config } {
  const c = adaptiveNorm.config.parse({ condition: C, ...config });
  const d = adaptiveNorm.dims(c, D);
  return {
    c,
    inputs: {
      x: randomNormal("x", [B, T, D]),
      cond: randomNormal("condition", [B, 1, c.from === "shared" ? 3 * D : C]),
      ...drawParameters(adaptiveNorm.params(d, c)),
    },
    build: ({ x, cond, ...tensors }) => {
      const p = weightsFrom(tensors) as unknown as Parameters<typeof adaptiveNorm.forward>[1]["p"];
      return { y: adaptiveNorm.forward(x!, { c, d, p, b: {}, io: { ...plainIo("eval"), cond_BTD: cond! } }).y };
    },
  };
}

const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;

normSuite(adaptiveNorm, {
  configs: [
    { condition: C },
    { condition: C, norm: "rms", shift: false },
    { condition: C, from: "linear", shift: false },
    { from: "shared" },
  ],
  width: D,
  condition: (c) => (c.from === "shared" ? 3 * D : C),
  naive({ x, condition, p, c }) {
    const { map, mapBias, factor } = p as unknown as { map?: number[][]; mapBias?: number[]; factor?: number[] };
    const y = x.map((rows, b) => {
      const given = condition[b]![0]!;
      const open = c.from === "silu" ? given.map((v) => v / (1 + Math.exp(-v))) : given;
      const modulation = map
        ? map[0]!.map((_, j) => open.reduce((sum, v, i) => sum + v * map[i]![j]!, mapBias?.[j] ?? 0))
        : given.map((v, i) => v * (1 + (factor?.[i] ?? 0)) + (mapBias?.[i] ?? 0));
      return rows.map((token) => {
        const centre = c.norm === "layer" ? mean(token) : 0;
        const size = Math.sqrt(mean(token.map((v) => (v - centre) ** 2)) + c.epsilon);
        return token.map((v, i) => ((v - centre) / size) * (1 + modulation[i]!) + (c.shift ? modulation[D + i]! : 0));
      });
    });
    return { y };
  },
});

const declared = (p: Readonly<Record<string, { shape: readonly number[] }>>) =>
  Object.values(p).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);

const starts = (names: Arrays): Arrays =>
  Object.fromEntries(
    Object.entries(names).map(([name, { shape, data }]): [string, NdArray] => [
      name,
      { shape, data: new Float64Array(data.length) },
    ]),
  );

test("without a condition it says what is missing", () => {
  const { c, inputs } = subjectOf({});
  const build = ({ x, cond: _, ...tensors }: Readonly<Record<string, Tensor>>) => {
    const p = weightsFrom(tensors) as unknown as Parameters<typeof adaptiveNorm.forward>[1]["p"];
    return { y: adaptiveNorm.forward(x!, { c, d: adaptiveNorm.dims(c, D), p, b: {}, io: plainIo("eval") }).y };
  };
  expect(() => run({ inputs, build })).toThrow("E_CONDITION");
});

test("[adaln-zero] a block starts as the identity, where only the gate's map has a gradient", () => {
  const normConfig = adaptiveNorm.config.parse({ condition: C });
  const gateConfig = conditionGate.config.parse({ condition: C });
  const [normSizes, gateSizes] = [adaptiveNorm.dims(normConfig, D), conditionGate.dims(gateConfig, D)];
  const subject: Subject = {
    inputs: {
      x: randomNormal("x", [B, T, D]),
      cond: randomNormal("condition", [B, 1, C]),
      ...starts(drawParameters(adaptiveNorm.params(normSizes, normConfig))),
      ...starts(drawParameters(conditionGate.params(gateSizes, gateConfig))),
    },
    build: ({ x, cond, map, mapBias, gate, gateBias }) => {
      const at = { b: {}, io: { ...plainIo("train"), cond_BTD: cond! } };
      const norm = weightsFrom({ map: map!, mapBias: mapBias! });
      const { y } = adaptiveNorm.forward(x!, { ...at, c: normConfig, d: normSizes, p: norm });
      const p = weightsFrom({ gate: gate!, gateBias: gateBias! });
      return { y: conditionGate.forward(x!, gelu(y), { ...at, c: gateConfig, d: gateSizes, p }) };
    },
  };
  const { outputs, gradients } = evaluate(subject);
  expect(outputs.y).toEqual(subject.inputs.x);
  const moves = (name: string) => gradients[name]!.data.some((g) => g !== 0);
  expect(["map", "mapBias", "cond", "gate", "gateBias"].filter(moves)).toEqual(["gate", "gateBias"]);
  gradCheck((at) => subject.build(at), {
    ...subject.inputs,
    gate: randomNormal("gate", [C, D]),
    map: randomNormal("map", [C, 2 * D]),
  });
});

test("[adaln-affine] with factors of 0 it is one shared modulation plus an offset, and 12 D parameters stand for 6 D²", () => {
  const subject = subjectOf({ from: "shared" });
  const none = { ...subject.inputs, ...starts({ factor: subject.inputs.factor! }) };
  const { y } = run({ inputs: none, build: subject.build });
  const { norm } = run({
    inputs: none,
    build: ({ x, cond, mapBias }) => {
      const modulation = cond!.slice(-1, 0, 2 * D).add(mapBias!);
      const c = adaptiveNorm.config.parse({ from: "linear", condition: 1, shift: false });
      const p = weightsFrom({ map: x!.at(0, 0).slice(0, 0, 1).mul(0) }) as never;
      const one = cond!.slice(-1, 0, 1).mul(0);
      const plain = adaptiveNorm.forward(x!, {
        c,
        d: adaptiveNorm.dims(c, D),
        p,
        b: {},
        io: { ...plainIo("eval"), cond_BTD: one },
      });
      return { norm: plain.y.mul(modulation.slice(-1, 0, D).add(1)).add(modulation.slice(-1, D)) };
    },
  });
  expect(y).toBeAllclose(norm!, { tolerance: 1e-12 });
  const width = 64;
  const sublayer = (shared: boolean) => {
    const norm = adaptiveNorm.config.parse({ condition: width, from: shared ? "shared" : "linear" });
    const gate = conditionGate.config.parse({ condition: width, gate: shared ? "shared" : "zero" });
    const [maps, { gateBias, ...gates }] = [
      adaptiveNorm.params(adaptiveNorm.dims(norm, width), norm),
      conditionGate.params(conditionGate.dims(gate, width), gate),
    ];
    return declared(maps) + declared(gates) + (shared ? declared({ gateBias }) : 0);
  };
  expect(2 * sublayer(true)).toBe(12 * width);
  expect(2 * sublayer(false)).toBe(6 * width * width);
});
