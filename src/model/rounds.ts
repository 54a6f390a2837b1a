/**
 * Rounds of a loop: a signal of the round's number on the stream, tokens that stop after as many rounds as they need, steps of
 * a solver made of rounds, and states that are tokens again behind each round (Altabaa et al. 2025, arXiv 2510.14095).
 */
import type { AuxiliaryLoss } from "../blocks/index.ts";
import { bias, linear, matrix } from "../blocks/index.ts";
import { type Halting, haltingRound, nearestRow, roundSignal, startHalting } from "../ops/index.ts";
import { constant, type Tensor, where, within } from "../tensor/index.ts";
import type { Extras } from "./layer.ts";
import type { TraceContext } from "./model.ts";
import { buildPart, contextOf, type Part } from "./part.ts";
import { startSteps } from "./solver-steps.ts";
import type { RoundsSpec } from "./spec.ts";

/** Adaptive computation time: one probability of stopping a token and round. */
const halting = {
  kind: "halting",
  title: "Adaptive computation time",
  cite: { arxiv: "1603.08983", by: "Graves 2016; Dehghani et al. 2019 (Universal Transformer)" },
  equations: ["p = σ(x w + b),  y = Σ_r p_r x_r,  p of the last round what is left of 1"],
  params: ({ D }: Record<string, unknown>) => ({ weight: matrix(D as number, 1), bias: bias(1, 1) }),
};

export interface Rounds {
  spec: RoundsSpec;
  halting: Part | undefined;
}

export function buildRounds(spec: RoundsSpec, { width, prefix }: { width: number; prefix: string }): Rounds {
  const at = { path: `${prefix}rounds`, where: `${prefix}rounds.halt` };
  const part = () => buildPart(halting, { spec: { kind: halting.kind }, ...at, dims: () => ({ D: width }) });
  return { spec, halting: spec.halt && part() };
}

/** One pass through the rounds: tells what enters a layer, and takes what leaves it. */
export interface RoundsRun {
  before(index: number, x: Tensor): Tensor;
  after(index: number, x: Tensor): Tensor;
}

/** `place` adds the stack's positions to a stream; `table` is the embedding's, [C, D]. */
export function startRounds(
  rounds: Rounds | undefined,
  context: TraceContext,
  { extras, place, table }: { extras: Extras; place: (x: Tensor) => Tensor; table: () => Tensor },
): RoundsRun {
  if (rounds === undefined) return { before: (_, x) => x, after: (_, x) => x };
  const { start, length, times, step, solver, discretise } = rounds.spec;
  const roundOf = (index: number) => (index >= start && index < start + length * times ? (index - start) / length : -1);
  const steps = solver && startSteps(solver);
  const halt = rounds.halting && haltingRun(rounds, rounds.halting, { context, extras });
  return {
    before(index, x) {
      const round = roundOf(index);
      if (round < 0 || !Number.isInteger(round)) return x;
      const from = steps?.before(round, x) ?? x;
      const signal = () => constant(roundSignal(steps?.timeOf(round) ?? round, x.dim(-1)), [x.dim(-1)]);
      // In the first round the embedding has added them.
      const placed = step === "positions" && round > 0 ? place(from) : from;
      const signalled = step === "none" ? placed : placed.add(signal());
      halt?.ask(round, signalled);
      return signalled;
    },
    after(index, x) {
      const end = roundOf(index + 1 - length);
      if (end < 0 || !Number.isInteger(end)) return x;
      if (discretise && end < times - 1) return within("rounds", () => nearestRow(x, table()));
      return halt?.take(end, x) ?? steps?.after(end, x) ?? x;
    },
  };
}

/** Collects each round's share of the result; behind the last round the result itself goes on. */
function haltingRun(
  { spec: { times, halt } }: Rounds,
  part: Part,
  { context, extras }: { context: TraceContext; extras: Extras },
) {
  let at: Halting | undefined;
  let weight: Tensor;
  let sum: Tensor | undefined;
  return {
    ask(round: number, x: Tensor): void {
      within(part.path, () => {
        const { p: weights } = contextOf(part, context.source, context.io);
        const p = linear(x, weights["weight"]!, weights["bias"]!).sigmoid().squeeze(-1);
        const options = { threshold: halt!.threshold, last: round === times - 1 };
        const done = haltingRound(p, at ?? startHalting(p), options);
        at = done.after;
        weight = done.weight;
        extras.probes[`${part.path}.weight.${round}`] = weight;
      });
    },
    take(round: number, x: Tensor): Tensor {
      const share = x.mul(weight.unsqueeze(-1));
      sum = sum ? sum.add(share) : share;
      if (round < times - 1) return x;
      extras.probes[`${part.path}.taken`] = at!.rounds;
      extras.losses.push(ponderLoss(part, at!, { cost: halt!.cost, mask_BT: context.io.mask_BT }));
      return sum;
    },
  };
}

/** Mean over tokens of rounds and remainders, of which only the remainders can be lowered by the net (Graves, eq. 13). */
function ponderLoss(
  { path }: Part,
  { rounds, remainder }: Halting,
  { cost, mask_BT }: { cost: number; mask_BT: Tensor | undefined },
): AuxiliaryLoss {
  const ponder = rounds.add(remainder);
  const real = mask_BT && mask_BT.shape.length === ponder.shape.length ? where(mask_BT, 1, 0) : undefined;
  const value = real ? ponder.mul(real).sum().div(real.sum().maximum(1)) : ponder.mean();
  return { name: `${path}.ponder`, value, weight: cost };
}
