import { expect } from "vitest";
import type { Capabilities, Io } from "../../blocks/index.ts";
import { perturb } from "../agreement.ts";
import { type Arrays, mapArray, mapArrays, type NdArray, randomNormal, sliceArray } from "../arrays.ts";
import type { Law } from "../law.ts";
import { batch, type MixerRig, mixerSubject, startsOf } from "../mixer-rig.ts";
import type { Subject } from "../subject.ts";

/** The second sequence replaced, its state too. */
function otherNeighbour(inputs: Arrays): Arrays {
  const perSequence = Object.fromEntries(Object.entries(inputs).filter(([name]) => !name.startsWith("p.")));
  return mapArrays(perSequence, (array, name) => {
    const other = randomNormal(`another ${name}`, array.shape);
    return mapArray(array, (value, i) => (i < array.data.length / batch ? value : value + other.data[i]!));
  });
}

/** Outputs per sequence, those of the first one only. */
function firstOf(outputs: Arrays): Record<string, NdArray> {
  const perSequence = Object.entries(outputs).filter(([name]) => !name.startsWith("loss."));
  return Object.fromEntries(perSequence.map(([name, array]) => [name, sliceArray(array, 0, 0, 1)]));
}

/** Replacing one sequence leaves the other's bits as they were, or moves them, as the mode and the declaration say. */
export function expectBatch(
  subject: Subject,
  { mode, declared, exact }: { mode: Io["mode"]; declared: Capabilities["batch"]; exact: Capabilities["exact"] },
): void {
  const { before, after } = perturb(subject, otherNeighbour(subject.inputs));
  const [here, there] = [firstOf(before), firstOf(after)];
  const coupled = declared === "coupled" || (declared === "coupled in training" && mode === "train");
  if (coupled) expect(there).not.toEqual(here);
  else if (exact === "bitwise") expect(there).toEqual(here);
  else
    for (const [name, value] of Object.entries(there))
      expect(value, name).toBeAllclose(here[name]!, { tolerance: 1e-12, floor: 1 });
}

export const sequencesApart: Law<MixerRig> = {
  name: "sequences of a batch mix exactly where declared",
  check: (rig) => {
    const { batch: declared, exact } = rig.capabilities;
    for (const mode of ["train", "eval"] as const)
      for (const from of startsOf(rig))
        expectBatch(mixerSubject(rig, { pieces: [{ form: "forward", tokens: 6 }], from, mode }), {
          mode,
          declared,
          exact,
        });
  },
};
