import { expectNativeAgrees, expectSameBits } from "../agreement.ts";
import { checkSubjectDerivatives } from "../central-differences.ts";
import type { Law } from "../law.ts";
import { decodes, type MixerRig, mixerSubject, type Start } from "../mixer-rig.ts";

const richest = (rig: MixerRig): Start => (decodes(rig) ? "state" : "start");
const forward = (tokens: number) => [{ form: "forward", tokens } as const];

export const derivatives: Law<MixerRig> = {
  name: "gradients equal central differences",
  check: (rig) =>
    checkSubjectDerivatives(
      mixerSubject(rig, { pieces: forward(5), from: richest(rig), losses: true }),
      rig.capabilities.smooth,
    ),
};

/** Six chunks of 4, the last one short. */
const tokens = 21;

export const nativeForward: Law<MixerRig> = {
  name: "the native engine agrees with the reference in values and gradients",
  check: (rig) => expectNativeAgrees(mixerSubject(rig, { pieces: forward(tokens), from: richest(rig), losses: true })),
};

export const nativeStep: Law<MixerRig> = {
  name: "the native engine agrees with the reference on steps",
  applies: decodes,
  check: (rig) => expectNativeAgrees(mixerSubject(rig, { pieces: [{ form: "step", tokens: 2 }], from: "state" })),
};

export const sameBits: Law<MixerRig> = {
  name: "the same seed gives the same bits",
  check: (rig) =>
    expectSameBits(() =>
      mixerSubject(rig, { pieces: forward(tokens), from: richest(rig), mode: "train", losses: true }),
    ),
};
