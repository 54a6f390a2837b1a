import { expect } from "vitest";
import { input } from "../../tensor/index.ts";
import { randomNormal, randomUniform } from "../arrays.ts";
import { isGrowing } from "../decoder.ts";
import type { Law } from "../law.ts";
import type { MixerRig } from "../mixer-rig.ts";
import { compileNative } from "../native.ts";
import { contextOf, plainIo, withPrefix } from "../part.ts";

/** Mixers without a state, or with one entry per token, may compare all pairs of tokens. */
function longest({ capabilities, states }: MixerRig): number {
  const pairwise = capabilities.state !== "finite" || Object.values(states).some(isGrowing);
  return pairwise ? 2048 : 16_384;
}

export const longInput: Law<MixerRig> = {
  name: "a long input stays finite on the native engine",
  applies: ({ capabilities }) => capabilities.length === "any",
  check: async (rig) => {
    const tokens = longest(rig);
    const inputs = {
      x: randomNormal("a long input", [1, tokens, rig.width]),
      ...withPrefix("p.", rig.part.parameters),
      ...(rig.mixer.reads?.includes("dt_BT") && { dt: randomUniform("long gaps", [1, tokens], [0.5, 1.5]) }),
    };
    const at = Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, input(name, shape)]));
    const io = { ...plainIo("eval"), ...(at.dt && { dt_BT: at.dt }) };
    const { y, s } = rig.mixer.forward(at.x!, { ...contextOf(rig.part, at), s: {}, io });
    const program = await compileNative({ y, ...withPrefix("s.", s) }, inputs);
    const values = await program.run();
    await program.dispose();
    for (const [name, { data }] of Object.entries(values)) expect(data.every(Number.isFinite), name).toBe(true);
  },
};
