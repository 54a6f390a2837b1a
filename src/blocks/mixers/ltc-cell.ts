/**
 * Liquid time-constant cell: neurons with conductances that depend on the potentials v they come from,
 *   cm dv/dt = g (v_leak − v) + Σ_s w_s σ(σ_s (v_s − μ_s)) (E_s − v)   (s over inputs and neurons),
 * by the semi-implicit step of Hasani et al. 2021 (algorithm 1), which is stable for any step.
 * Axes: B batch, T time, S sources, H neurons; tables [S, H].
 */
import type { Tensor } from "../../tensor/index.ts";
import { linear, value, type Weight } from "../weights/use.ts";
import type { LiquidRecurrence } from "./liquid-scan.ts";
import { lstmCell } from "./lstm-cell.ts";

export interface LtcWeights {
  /** Synapses from inputs [D, H]; w is used through `positivity`. */
  inputW: Weight;
  inputMu: Weight;
  inputSigma: Weight;
  inputErev: Weight;
  /** Synapses between neurons [H, H]. */
  w: Weight;
  mu: Weight;
  sigma: Weight;
  erev: Weight;
  /** Per neuron; g and cm are used through `positivity`. */
  gLeak: Weight;
  vLeak: Weight;
  cm: Weight;
  inputGain?: Weight;
  inputBias?: Weight;
  memoryInput?: Weight;
  memoryRecurrent?: Weight;
  memoryBias?: Weight;
}

/** How strengths and capacities are kept from being negative. */
export const positivities = ["softplus", "relu"] as const;

export interface LtcOptions {
  positivity: (typeof positivities)[number];
  unfolds: number;
  epsilon: number;
  /** Whether the cell is given the time that passed; else it is 1 at every step. */
  timed: boolean;
  /** f32 of 0 and 1 by source and neuron: which synapses exist; absent means all. */
  wiring?: { readonly input?: Tensor; readonly between?: Tensor };
}

/** Σ_s a_s E_s and Σ_s a_s with a = p(w) σ(σ_s (v_s − μ)): v [..., S] → [..., H] each. */
interface Synapses {
  reversal: Tensor;
  conductance: Tensor;
}

/** What depends on the input alone (`shares`), and the cell over them and then Δt [B, 1] if timed. */
export function ltcRecurrence(p: LtcWeights, options: LtcOptions): LiquidRecurrence {
  const { unfolds, epsilon, timed, wiring } = options;
  const positive = (w: Weight) => (options.positivity === "relu" ? value(w).relu() : value(w).softplus());
  const strength = (w: Weight, mask: Tensor | undefined) => (mask ? positive(w).mul(mask) : positive(w));
  const fromInputs = synapses(strength(p.inputW, wiring?.input), {
    mu: p.inputMu,
    sigma: p.inputSigma,
    erev: p.inputErev,
  });
  const between = synapses(strength(p.w, wiring?.between), p);
  const leak = positive(p.gLeak);
  const leakReversal = leak.mul(value(p.vLeak));
  const capacity = positive(p.cm).mul(unfolds);
  const shares = (x: Tensor): Tensor[] => {
    const { reversal, conductance } = fromInputs(mapped(x, p));
    const still = [reversal.add(leakReversal), conductance.add(leak).add(epsilon)];
    return p.memoryInput ? [...still, linear(x, p.memoryInput, p.memoryBias)] : still;
  };
  const cell: LiquidRecurrence["cell"] = (s, xs) => {
    const memory = s.c && p.memoryRecurrent ? lstmCell(xs[2]!.add(linear(s.h, p.memoryRecurrent)), s.c) : s;
    const rate = timed ? capacity.div(xs.at(-1)!) : capacity;
    const still = { reversal: xs[0]!, conductance: xs[1]!.add(rate) };
    let v = memory.h;
    for (let i = 0; i < unfolds; i++) {
      const { reversal, conductance } = between(v);
      v = rate.mul(v).add(still.reversal).add(reversal).div(conductance.add(still.conductance));
    }
    return { ...memory, h: v };
  };
  return { shares, cell };
}

function mapped(x: Tensor, { inputGain, inputBias }: LtcWeights): Tensor {
  const scaled = inputGain ? x.mul(value(inputGain)) : x;
  return inputBias ? scaled.add(value(inputBias)) : scaled;
}

function synapses(strength: Tensor, { mu, sigma, erev }: Record<"mu" | "sigma" | "erev", Weight>) {
  return (v: Tensor): Synapses => {
    const open = v.unsqueeze(-1).sub(value(mu)).mul(value(sigma)).sigmoid();
    const conductance = open.mul(strength);
    return { reversal: conductance.mul(value(erev)).sum(-2), conductance: conductance.sum(-2) };
  };
}
