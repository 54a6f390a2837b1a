import { expect } from "vitest";
import { constant, type Tensor } from "../../tensor/index.ts";
import type { Arrays } from "../arrays.ts";
import { fieldShape } from "../decoder.ts";
import type { Law } from "../law.ts";
import { batch, decodes, gapTensor, type MixerRig, resumed, runPieces, warmState } from "../mixer-rig.ts";
import { contextOf, plainIo, withPrefix } from "../part.ts";

const constants = (arrays: Arrays): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(arrays).map(([name, { shape, data }]) => [name, constant(data, shape)]));

function leavesOf(rig: MixerRig) {
  return constants({ ...withPrefix("p.", rig.part.parameters), ...(decodes(rig) ? warmState(rig) : {}) });
}

export const shapes: Law<MixerRig> = {
  name: "outputs and live states have the declared shapes",
  check: (rig) => {
    for (const tokens of [1, 7]) {
      const x_BTD = constant(new Float64Array(batch * tokens * rig.width), [batch, tokens, rig.width]);
      const dt_BT = gapTensor(rig, tokens);
      const io = { ...plainIo("train"), ...(dt_BT && { dt_BT }) };
      const { y, s, reshaped } = rig.mixer.forward(x_BTD, { ...contextOf(rig.part, leavesOf(rig)), s: {}, io });
      const reshape = rig.mixer.reshapes?.(rig.part.c, rig.width) ?? { width: rig.width, stride: 1 };
      expect(reshaped?.stride ?? 1).toBe(reshape.stride);
      if (reshaped) expect(reshaped.grid).toEqual(reshaped.from.map((size) => Math.ceil(size / reshape.stride)));
      const [rows, columns] = reshaped?.grid ?? [1, tokens];
      expect(y.shape).toEqual([batch, rows * columns, reshape.width]);
      expectFields(rig, s, tokens);
    }
  },
};

export const stepShapes: Law<MixerRig> = {
  name: "step keeps the declared state shapes",
  applies: decodes,
  check: (rig) => {
    const x_BD = constant(new Float64Array(batch * rig.width), [batch, rig.width]);
    const at = leavesOf(rig);
    const { fields, tokens } = resumed(rig, at, 1);
    const dt_BT = gapTensor(rig, 1);
    const io = { ...plainIo("eval"), ...(dt_BT && { dt_BT }), length_B: constant(tokens, [batch], "i32") };
    const { y, s } = rig.mixer.step!(x_BD, { ...contextOf(rig.part, at), s: fields, io });
    expect(y.shape).toEqual([batch, rig.width]);
    expectFields(rig, s, 1);
    const after = runPieces(rig, {
      x_BTD: x_BD.unsqueeze(1),
      at,
      pieces: [{ form: "step", tokens: 1 }],
      state: { fields, tokens },
      dt_BT,
    });
    for (const [name, field] of Object.entries(fields))
      expect(after.decoding.fields[name]!.shape, name).toEqual(field.shape);
  },
};

/** Constant fields whole, growing ones with the entries of `tokens` new tokens (all, before a window drops any). */
function expectFields({ states }: MixerRig, s: Readonly<Record<string, Tensor>>, tokens: number): void {
  expect(Object.keys(s).sort()).toEqual(Object.keys(states).sort());
  for (const [name, declaration] of Object.entries(states)) {
    const unbounded = "window" in declaration ? { shape: declaration.shape, axis: declaration.axis } : declaration;
    expect(s[name]!.shape, name).toEqual([batch, ...fieldShape(unbounded, tokens)]);
  }
}
