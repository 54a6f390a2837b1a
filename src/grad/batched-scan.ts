import { input, type PrimitiveAttrs, scanInputs, scanOf, type Tensor } from "../tensor/index.ts";
import type { Batching, Operand } from "./batching-rules.ts";
import { batchedOutputs } from "./vectorise.ts";

/** Every state, and every stacked result, gets the axis; scanned inputs and captures that all places share stay as they are. */
export function batchScan({ operands, attrs, places }: Batching<"scan">): Tensor[] {
  const { body, length, reverse } = attrs;
  const { init, xs, captures } = scanInputs(attrs, operands);
  const placeholder = (t: Tensor) => input("", [places, ...t.shape], t.dtype);
  const states = body.states.map(placeholder);
  const slices = body.xs.map((t, i) => (xs[i]!.batched ? placeholder(t) : t));
  const inside = new Map([
    ...pairsOf(body.states, states),
    ...pairsOf(body.xs, slices).filter(([t, slice]) => t !== slice),
    ...batchedCaptures(attrs, captures),
  ]);
  const results = batchedOutputs([...body.nextStates, ...body.ys], inside, places);
  const nextStates = results.slice(0, states.length);
  const lift = ({ before, batched }: Operand) => batched ?? before.expand([places, ...before.shape]);
  const done = scanOf(
    { states, xs: slices, nextStates, ys: results.slice(states.length) },
    { init: init.map(lift), xs: xs.map(({ before, batched }) => batched?.swap(0, 1) ?? before), length, reverse },
  );
  return [...done.states, ...done.ys.map((t) => t.swap(0, 1))];
}

const pairsOf = (from: readonly Tensor[], to: readonly Tensor[]) => from.map((t, i): [Tensor, Tensor] => [t, to[i]!]);

const batchedCaptures = ({ captures }: PrimitiveAttrs["scan"], operands: readonly Operand[]) =>
  captures.flatMap((t, i): [Tensor, Tensor][] => (operands[i]!.batched ? [[t, operands[i]!.batched]] : []));
