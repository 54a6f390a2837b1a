/** Adaptive computation time of a public Universal Transformer, whose mean damps earlier rounds and forces no last one. */
import { constant, type Tensor, zeros } from "../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../testing/goldens/index.ts";
import { haltingRound, roundSignal, startHalting } from "./halting.ts";

const signals = (count: number, width: number): Tensor =>
  constant(Array.from({ length: count }, (_, i) => roundSignal(i, width)).flat(), [count, width]);

function build(c: GoldenCase): GoldenGraph {
  const [T, D, rounds] = [c.number("T"), c.number("D"), c.number("max_hop")];
  const timing = signals(T + 3, D);
  const map = (x: Tensor, name: string) =>
    x.matmul(c.tensor(`param.${name}.weight`), { transB: true }).add(c.tensor(`param.${name}.bias`));
  let state = c.tensor("in.x");
  let y = zeros(state.shape);
  let halting = startHalting(state.slice(-1, 0, 1).squeeze(-1));
  for (let round = 0; round < rounds; round++) {
    state = state.add(timing.slice(0, 0, T)).add(constant(roundSignal(round, D), [D]));
    const p = map(state, "halt").sigmoid().squeeze(-1);
    const { weight, after } = haltingRound(p, halting, { threshold: 0.9, last: false });
    halting = after;
    state = map(state, "step").tanh();
    y = state.mul(weight.unsqueeze(-1)).add(y.mul(weight.neg().add(1).unsqueeze(-1)));
  }
  return {
    outputs: {
      "out.y": y,
      "out.remainders": halting.remainder,
      "out.n_updates": halting.rounds,
      "out.timing": timing,
    },
  };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "universal-transformer-act", build }];
