import { expectNaiveAgrees } from "../agreement.ts";
import { type Arrays, flatten, mapArrays, type NdArray, nest, sliceArray } from "../arrays.ts";
import { isGrowing } from "../decoder.ts";
import type { Law } from "../law.ts";
import { gapsOf, type MixerRig, mixerSubject, startsOf } from "../mixer-rig.ts";
import { withoutPrefix, withPrefix } from "../part.ts";
import { run } from "../subject.ts";

/** Crosses a chunk of 4. */
const tokens = 6;

export const equalsNaive: Law<MixerRig> = {
  name: "forward equals the naive form in outputs, final state and every gradient",
  check: (rig) => {
    for (const from of startsOf(rig)) {
      const subject = mixerSubject(rig, { pieces: [{ form: "forward", tokens }], from });
      expectNaiveAgrees(subject, { naive: (inputs) => runNaive(rig, inputs), smooth: rig.capabilities.smooth });
    }
  },
};

function runNaive(rig: MixerRig, inputs: Arrays): Arrays {
  const nested = (prefix: string) =>
    Object.fromEntries(Object.entries(withoutPrefix(prefix, inputs)).map(([name, array]) => [name, nest(array)]));
  const s = nested("s.");
  const gaps = gapsOf(rig, tokens);
  const result = rig.naive({
    x: nest(inputs.x!),
    p: nested("p."),
    c: rig.part.c,
    d: rig.part.d,
    ...(Object.keys(s).length > 0 && { s }),
    ...(gaps && { dt: nest(gaps) as number[][] }),
  });
  return {
    y: flatten(result.y),
    ...canonicalArrays(
      rig,
      mapArrays(result.s ?? {}, (field, name) => kept(rig, name, flatten(field))),
    ),
  };
}

/** Of a windowed field, the entries that an engine keeps. */
function kept({ states }: MixerRig, name: string, field: NdArray): NdArray {
  const declaration = states[name];
  if (declaration === undefined || !isGrowing(declaration) || declaration.window === undefined) return field;
  const axis = declaration.axis < 0 ? declaration.axis + field.shape.length : declaration.axis + 1;
  const count = field.shape[axis]!;
  return sliceArray(field, axis, Math.max(0, count - declaration.window), count);
}

function canonicalArrays({ canonical }: MixerRig, s: Arrays): Arrays {
  return Object.keys(s).length === 0 ? {} : run({ inputs: s, build: (at) => withPrefix("s.", canonical(at)) });
}
