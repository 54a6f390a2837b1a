/** minGRU and minLSTM of the package minGRU-pytorch: one map [out, in] to candidate and gates; state [B, 1, I]. */
import { concat, type Tensor, zeros } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { minGru } from "./min-gru.ts";
import { minLstm } from "./min-lstm.ts";
import { positive } from "./min-recurrence.ts";
import { goldenIo, weightOf } from "./rnn-golden-weights.fixture.ts";

interface Recurrent {
  forward: (x: Tensor, h: Tensor | undefined) => { y: Tensor; s: { h: Tensor } };
  step: (x: Tensor, h: Tensor) => { y: Tensor; s: { h: Tensor } };
}

function build(c: GoldenCase, make: (maps: Tensor[], out: Tensor | undefined) => Recurrent, map: string): GoldenGraph {
  const x = c.tensor("in.x");
  const joint = c.tensor(`param.${map}.weight`).transpose([1, 0]);
  const I = Math.floor(c.number("dim") * c.number("expansion"));
  const mixer = make(
    joint.split(1, new Array<number>(joint.dim(1) / I).fill(I)),
    c.maybe("param.to_out.weight")?.transpose([1, 0]),
  );
  const given = c.maybe("state.in.h")?.squeeze(1);
  const { y, s } = mixer.forward(x, given);
  let h = given ?? zeros([x.dim(0), I]);
  const steps = Array.from({ length: x.dim(1) }, (_, t) => {
    const next = mixer.step(x.at(1, t), h);
    h = next.s.h;
    return next.y.unsqueeze(1);
  });
  return {
    outputs: {
      "out.y": y,
      "state.out.h": s.h.unsqueeze(1),
      ...(c.has("out.step") && { "out.step": concat(1, steps) }),
    },
  };
}

const dimsOf = (candidate: Tensor) => ({ D: candidate.dim(0), I: candidate.dim(1) });
const fixed = { b: {}, io: goldenIo(), c: {} };

function gruOf([candidate, gate]: Tensor[], out: Tensor | undefined): Recurrent {
  const p = { candidate: weightOf(candidate!), gate: weightOf(gate!), ...(out && { out: weightOf(out) }) };
  const at = { ...fixed, d: dimsOf(candidate!), p };
  return {
    forward: (x, h) => minGru.forward(x, { ...at, s: { h } }),
    step: (x, h) => minGru.step!(x, { ...at, s: { h } }),
  };
}

function lstmOf([candidate, forget, input]: Tensor[], out: Tensor | undefined): Recurrent {
  const p = {
    candidate: weightOf(candidate!),
    forget: weightOf(forget!),
    input: weightOf(input!),
    ...(out && { out: weightOf(out) }),
  };
  const at = { ...fixed, d: dimsOf(candidate!), p };
  // The source's parallel form, but not its step form, passes a given state through g.
  return {
    forward: (x, h) => minLstm.forward(x, { ...at, s: { h: h && positive(h) } }),
    step: (x, h) => minLstm.step!(x, { ...at, s: { h } }),
  };
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "min_gru", build: (c) => build(c, gruOf, "to_hidden_and_gate") },
  { kind: "blocks", component: "min_lstm", build: (c) => build(c, lstmOf, "to_hidden_and_f_i_gate") },
];
