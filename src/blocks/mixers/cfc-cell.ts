import { concat, gelu, silu, type Tensor } from "../../tensor/index.ts";
import { linear, value, type Weight } from "../weights/use.ts";
import type { LiquidRecurrence } from "./liquid-scan.ts";
import { lstmCell } from "./lstm-cell.ts";

export const cfcModes = ["default", "no_gate", "pure"] as const;

interface Activation {
  /** φ(x) = outer · apply(inner · x); the two factors are moved into the matrices around it. */
  inner: number;
  outer: number;
  apply: (x: Tensor) => Tensor;
}

export const cfcActivations = {
  lecun_tanh: { inner: 0.666, outer: 1.7159, apply: (x) => x.tanh() },
  tanh: { inner: 1, outer: 1, apply: (x) => x.tanh() },
  relu: { inner: 1, outer: 1, apply: (x) => x.relu() },
  silu: { inner: 1, outer: 1, apply: (x) => silu(x) },
  gelu: { inner: 1, outer: 1, apply: (x) => gelu(x) },
} satisfies Record<string, Activation>;

export interface CfcOptions {
  mode: (typeof cfcModes)[number];
  activation: keyof typeof cfcActivations;
  layers: number;
  /** Size of the state. */
  hidden: number;
  /** Whether the cell is given the time that passed; else it is 1 at every step. */
  timed: boolean;
}

export interface CfcWeights {
  /** Of the first layer: the backbone's, or the read-out's where there is no backbone. */
  input: Weight;
  recurrent: Weight;
  bias: Weight;
  /** Further backbone layers: [layers − 1, U, U] and [layers − 1, U]. */
  deep?: Weight;
  deepBias?: Weight;
  /** [U, 4H] in the order g, h, a, b of the gate σ(a·Δt + b); [U, H] in mode `pure`. */
  readout?: Weight;
  readoutBias?: Weight;
  tau?: Weight;
  asymptote?: Weight;
  memoryInput?: Weight;
  memoryRecurrent?: Weight;
  memoryBias?: Weight;
}

/** A CfC as what depends on the input alone (`shares`) and the cell, whose inputs are the shares and then Δt [B, 1] if timed. */
export function cfcRecurrence(p: CfcWeights, options: CfcOptions): LiquidRecurrence {
  const { inner, outer, apply } = cfcActivations[options.activation] as Activation;
  const { layers } = options;
  const toReadout = (w: Tensor) => foldTime(w, options);
  const first = (w: Weight) => (layers === 0 ? toReadout(value(w)) : scaled(value(w), inner));
  const [input, recurrent, bias] = [first(p.input), first(p.recurrent), first(p.bias)];
  const deep = Array.from({ length: Math.max(0, layers - 1) }, (_, i) => ({
    matrix: scaled(value(p.deep!).at(0, i), inner * outer),
    bias: scaled(value(p.deepBias!).at(0, i), inner),
  }));
  const readout = p.readout && {
    matrix: scaled(toReadout(value(p.readout)), outer),
    bias: toReadout(value(p.readoutBias!)),
  };
  const affine = (x: Tensor, w: { matrix: Tensor; bias: Tensor }) => x.matmul(w.matrix).add(w.bias);
  const shares = (x: Tensor): Tensor[] => [
    x.matmul(input).add(bias),
    ...(p.memoryInput ? [linear(x, p.memoryInput, p.memoryBias)] : []),
  ];
  const cell: LiquidRecurrence["cell"] = (s, xs) => {
    const dt = options.timed ? xs.at(-1) : undefined;
    const memory = s.c && p.memoryRecurrent ? lstmCell(xs[1]!.add(linear(s.h, p.memoryRecurrent)), s.c) : s;
    const start = xs[0]!.add(memory.h.matmul(recurrent));
    const z = deep.reduce((x, layer) => affine(apply(x), layer), start);
    const units = readout ? affine(apply(z), readout) : z;
    return { ...memory, h: p.tau ? pureState(units, p, dt) : gatedState(units, options, dt) };
  };
  return { shares, cell };
}

const scaled = (x: Tensor, factor: number): Tensor => (factor === 1 ? x : x.mul(factor));

/** Where Δt is always 1 the gate's two maps a and b are one: a·1 + b. */
function foldTime(w: Tensor, { hidden: H, mode, timed }: CfcOptions): Tensor {
  if (mode === "pure" || timed) return w;
  return concat(-1, [w.slice(-1, 0, 2 * H), w.slice(-1, 2 * H, 3 * H).add(w.slice(-1, 3 * H))]);
}

/** (1 − s)·g + s·h, or g + s·h without the gate on g; s = σ(a·Δt + b). */
function gatedState(units: Tensor, { hidden: H, mode }: CfcOptions, dt: Tensor | undefined): Tensor {
  const [g, h] = units
    .slice(-1, 0, 2 * H)
    .tanh()
    .split(-1, [H, H]);
  const a = units.slice(-1, 2 * H, 3 * H);
  const gate = (dt ? a.mul(dt).add(units.slice(-1, 3 * H)) : a).sigmoid();
  return g!.add(gate.mul(mode === "no_gate" ? h! : h!.sub(g!)));
}

/** A − A·exp(−Δt·(|w| + |f|))·f. */
function pureState(f: Tensor, p: CfcWeights, dt: Tensor | undefined): Tensor {
  const rate = f.abs().add(value(p.tau!).abs());
  const asymptote = value(p.asymptote!);
  return asymptote.sub((dt ? rate.mul(dt) : rate).neg().exp().mul(f).mul(asymptote));
}
