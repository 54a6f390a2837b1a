/**
 * CfC with the wiring of neural circuit policies: inter, command and motor neurons are three CfC cells without backbone, each
 * reading the new state of the one below through a sparse mask and its own last state. The motor neurons are the output.
 * Axes: B batch, T time, D model, H neurons, M motor neurons.
 */
import { z } from "zod";
import { concat, ones, type Tensor } from "../../tensor/index.ts";
import { defineMixer, type Io } from "../define.ts";
import { bias, gain, type Init, matrix, type ParameterDeclaration, vector } from "../weights/declare.ts";
import { linear, value, type Weight } from "../weights/use.ts";
import { type CfcOptions, type CfcWeights, cfcModes, cfcRecurrence } from "./cfc-cell.ts";
import { type LiquidRecurrence, liquidForward, liquidStep } from "./liquid-scan.ts";
import { lstmCell, memoryParams } from "./lstm-cell.ts";
import { ncpConnections, ncpOptions, ncpSizes, tensorOf } from "./ncp-wiring.ts";

const config = z.strictObject({
  hidden: z.int().positive().optional().describe("number of neurons (default: the model width)"),
  ...ncpOptions,
  mode: z
    .enum(cfcModes)
    .default("default")
    .describe("gate between two maps; no_gate: their gated sum; pure: the closed-form solution"),
  mixedMemory: z.boolean().default(false).describe("whether an LSTM cell updates the state before each step"),
});
type C = z.infer<typeof config>;

function dims(c: C, D: number) {
  const H = c.hidden ?? D;
  const { inter, command, motor } = ncpSizes(c, H);
  return { D, H, inter, command, motor };
}
type Sizes = ReturnType<typeof dims>;

/** Inputs and neurons of each layer. */
const layersOf = ({ D, inter, command, motor }: Sizes) => [
  { name: "inter", inputs: D, neurons: inter },
  { name: "command", inputs: inter, neurons: command },
  { name: "motor", inputs: command, neurons: motor },
];

function layerParams({ inputs, neurons }: { inputs: number; neurons: number }, { mode }: C) {
  const maps = mode === "pure" ? neurons : 4 * neurons;
  const init: Init = { kind: "normal", std: 1 / Math.sqrt(inputs + neurons) };
  return {
    input: matrix(inputs, maps, { init }),
    recurrent: matrix(neurons, maps, { init }),
    bias: bias(maps),
    ...(mode === "pure" && { tau: vector(neurons), asymptote: gain(neurons) }),
  };
}

/** Each layer's parameters under its name. */
function params(d: Sizes, c: C): Record<string, ParameterDeclaration> {
  const perLayer = layersOf(d).flatMap((layer) =>
    Object.entries(layerParams(layer, c)).map(([key, declaration]) => [`${layer.name}.${key}`, declaration] as const),
  );
  return {
    ...Object.fromEntries(perLayer),
    ...(c.mixedMemory && memoryParams(d.D, d.H)),
    ...(d.motor !== d.D && { out: matrix(d.motor, d.D, { init: "residual" }) }),
  };
}
type P = Readonly<Record<string, Weight>>;

export const cfcWired = defineMixer({
  kind: "cfc-wired",
  title: "CfC with NCP wiring",
  cite: { arxiv: "2106.13898", by: "Hasani et al. 2022; wiring: Lechner et al. 2020" },
  patterns: ["data-gating"],
  equations: [
    "layers inter, command, motor:  h^l_t = CfC_l([h^{l−1}_t, h^l_{t−1}]),  h^0_t = x_t   (no backbone)",
    "the maps g and h (of mode pure: f) read h^{l−1} through a 0/1 mask; the gate's maps read all of it",
    "y_t = h^motor_t",
  ],
  config,
  dims,
  params,
  tune: [{ key: "hidden", unit: 1 }],
  reads: ["mask_BT", "dt_BT"],
  capabilities: ({ mode }) => ({
    flow: "causal",
    state: "finite",
    length: "any",
    batch: "independent",
    exact: "bitwise",
    smooth: mode === "pure" ? "away from ties" : "everywhere",
  }),
  state: ({ H }, c) => ({ h: [H], ...(c.mixedMemory && { c: [H] }) }),
  forward(x_BTD, { c, d, p, s, io }) {
    const at = { s, io, neurons: d.H, mixedMemory: c.mixedMemory };
    const { h_BTH, s: last } = liquidForward(x_BTD, recurrenceOf({ c, d, p, io }), at);
    return { y: output(h_BTH, d, p), s: last };
  },
  step(x_BD, { c, d, p, s, io }) {
    const next = liquidStep(x_BD, recurrenceOf({ c, d, p, io }), { s, io });
    return { y: output(next.h, d, p), s: next };
  },
});

function output(h: Tensor, { motor }: Sizes, p: P): Tensor {
  const y = h.slice(-1, -motor);
  return p.out ? linear(y, p.out) : y;
}

function recurrenceOf({ c, d, p, io }: { c: C; d: Sizes; p: P; io: Io }): LiquidRecurrence {
  const made = ncpConnections(c, { inputs: d.D, sizes: d });
  const masks = [made.sensory, made.inter, made.motor].map(tensorOf);
  const layers = layersOf(d).map(({ name, neurons }, l) => ({
    weights: layerWeights(p, `${name}.`),
    neurons,
    mask: masks[l]!,
  }));
  return wiredRecurrence({ layers, memory: p, mode: c.mode, timed: io.dt_BT !== undefined });
}

function layerWeights(p: P, prefix: string): CfcWeights {
  const at = (key: string) => p[`${prefix}${key}`];
  const [tau, asymptote] = [at("tau"), at("asymptote")];
  return {
    input: at("input")!,
    recurrent: at("recurrent")!,
    bias: at("bias")!,
    ...(tau && asymptote && { tau, asymptote }),
  };
}

interface Wired extends Pick<CfcOptions, "mode" | "timed"> {
  /** From the inputs on; masks are f32 [inputs, neurons] of 0 and 1. */
  layers: readonly { weights: CfcWeights; neurons: number; mask: Tensor }[];
  memory: { readonly memoryInput?: Weight; readonly memoryRecurrent?: Weight; readonly memoryBias?: Weight };
}

/** The state is that of all layers, side by side. */
export function wiredRecurrence({ layers, memory, mode, timed }: Wired): LiquidRecurrence {
  const cells = layers.map(({ weights, neurons, mask }) => {
    const input = { ...weights.input, tensor: value(weights.input).mul(overMaps(mask, mode)) };
    return cfcRecurrence({ ...weights, input }, { mode, activation: "tanh", layers: 0, hidden: neurons, timed });
  });
  const { memoryInput, memoryRecurrent, memoryBias } = memory;
  const shares = (x: Tensor) => [...cells[0]!.shares(x), ...(memoryInput ? [linear(x, memoryInput, memoryBias)] : [])];
  const cell: LiquidRecurrence["cell"] = (s, xs) => {
    const before = s.c && memoryRecurrent ? lstmCell(xs[1]!.add(linear(s.h, memoryRecurrent)), s.c) : s;
    const own = before.h.split(
      -1,
      layers.map(({ neurons }) => neurons),
    );
    const time = timed ? [xs.at(-1)!] : [];
    const after: Tensor[] = [];
    for (const [l, { shares: read, cell: next }] of cells.entries()) {
      const share = l === 0 ? xs[0]! : read(after[l - 1]!)[0]!;
      after.push(next({ h: own[l]! }, [share, ...time]).h);
    }
    return { ...before, h: concat(-1, after) };
  };
  return { shares, cell };
}

/** The mask of the maps g and h, or of f; those of the gate read everything. */
function overMaps(mask: Tensor, mode: C["mode"]): Tensor {
  if (mode === "pure") return mask;
  return concat(1, [mask, mask, ones([mask.dim(0), 2 * mask.dim(1)])]);
}
