import { expect } from "vitest";
import type { Capabilities } from "../../blocks/index.ts";
import { perturb } from "../agreement.ts";
import { mapArray, type NdArray, randomNormal, sliceArray } from "../arrays.ts";
import { isGrowing } from "../decoder.ts";
import type { Law } from "../law.ts";
import { type MixerRig, mixerSubject } from "../mixer-rig.ts";
import type { Subject } from "../subject.ts";

const tokens = 9;

export const seesFuture = ({ flow }: Pick<Capabilities, "flow">) =>
  flow === "bidirectional" || flow === "causal-values-only";

/** x with every token from `time` on replaced. */
function otherFuture(x: NdArray, time: number): NdArray {
  const other = randomNormal("another future", x.shape);
  const [, length, width] = x.shape as [number, number, number];
  return mapArray(x, (value, i) => (Math.floor(i / width) % length >= time ? other.data[i]! : value));
}

/** Outputs before `time`, with the future as it was and with another one. */
function pasts(subject: Subject, time: number): [NdArray, NdArray] {
  const { before, after } = perturb(subject, { x: otherFuture(subject.inputs.x!, time) });
  return [sliceArray(before.y!, 1, 0, time), sliceArray(after.y!, 1, 0, time)];
}

/** Nothing before the changed tokens moves: not a bit, unless only rounding is promised. */
export function expectCausal(subject: Subject, exact: Capabilities["exact"]): void {
  for (let time = 1; time < tokens; time++) {
    const [before, after] = pasts(subject, time);
    if (exact === "bitwise") expect(after).toEqual(before);
    else expect(after).toBeAllclose(before, { tolerance: 1e-5, floor: 1 });
  }
}

export function expectSeesFuture(subject: Subject): void {
  const [before, after] = pasts(subject, tokens - 1);
  expect(after).not.toEqual(before);
}

const whole = (rig: MixerRig) => mixerSubject(rig, { pieces: [{ form: "forward", tokens }], from: "start" });

export const causal: Law<MixerRig> = {
  name: "another future moves nothing before it",
  applies: ({ capabilities }) => !seesFuture(capabilities),
  check: (rig) => expectCausal(whole(rig), rig.capabilities.exact),
};

export const notCausal: Law<MixerRig> = {
  name: "another future moves what is before it, as declared",
  applies: ({ capabilities }) => seesFuture(capabilities),
  check: (rig) => expectSeesFuture(whole(rig)),
};

export const stateAsDeclared: Law<MixerRig> = {
  name: "the state is of the declared kind, and only causal mixers decode",
  check: ({ mixer, capabilities, states }) => {
    const growing = Object.values(states).filter(isGrowing);
    if (capabilities.state === "none") expect(states).toEqual({});
    else {
      expect(mixer.step).toBeTypeOf("function");
      expect(seesFuture(capabilities)).toBe(false);
    }
    if (capabilities.state === "growing") expect(growing).not.toEqual([]);
    if (capabilities.state === "finite") expect(growing.filter(({ window }) => window === undefined)).toEqual([]);
  },
};
