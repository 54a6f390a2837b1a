import { expectSameFunction } from "../agreement.ts";
import type { Law } from "../law.ts";
import { decodes, type MixerRig, mixerSubject, type Piece, startsOf } from "../mixer-rig.ts";

/** Enough for two full chunks of 4 and a rest. */
const tokens = 9;
const forward = (count: number): Piece => ({ form: "forward", tokens: count });
const step = (count: number): Piece => ({ form: "step", tokens: count });

/** Pieces give what one forward gives: outputs, final state, and gradients of inputs, parameters and initial state. */
function sameInPieces(rig: MixerRig, pieces: readonly Piece[]): void {
  for (const from of startsOf(rig))
    expectSameFunction(mixerSubject(rig, { pieces, from }), mixerSubject(rig, { pieces: [forward(tokens)], from }));
}

export const stepByStep: Law<MixerRig> = {
  name: "forward equals step by step in outputs, final state and every gradient",
  applies: decodes,
  check: (rig) => sameInPieces(rig, [step(tokens)]),
};

export const prefillThenStep: Law<MixerRig> = {
  name: "prefill, then steps or more prefill, equals forward",
  applies: decodes,
  check: (rig) => {
    sameInPieces(rig, [forward(6), step(tokens - 6)]);
    sameInPieces(rig, [forward(2), forward(tokens - 2)]);
  },
};

export const algorithmicChoices: Law<MixerRig> = {
  name: "algorithmic choices change nothing",
  applies: ({ variants }) => variants.length > 0,
  check: (rig) => {
    for (const from of startsOf(rig)) {
      const run = { pieces: [forward(13)], from };
      for (const variant of rig.variants) expectSameFunction(mixerSubject(variant.rig, run), mixerSubject(rig, run));
    }
  },
};
