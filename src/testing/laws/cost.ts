import { expect } from "vitest";
import { countFlops } from "../../engine/index.ts";
import { constant, input, type Tensor } from "../../tensor/index.ts";
import { fieldShape, isGrowing } from "../decoder.ts";
import type { Law } from "../law.ts";
import { decodes, gapTensor, type MixerRig } from "../mixer-rig.ts";
import { contextOf, plainIo, withPrefix } from "../part.ts";

/** Operations of one step after `tokens` tokens. */
function stepWork(rig: MixerRig, tokens: number): number {
  const leaf = (name: string, shape: readonly number[]) => input(name, [1, ...shape]);
  const s = Object.fromEntries(
    Object.entries(rig.states).map(([name, declaration]) => [name, leaf(name, fieldShape(declaration, tokens))]),
  );
  const parameters = Object.entries(rig.part.parameters).map(([name, { shape }]) => [name, input(`p.${name}`, shape)]);
  const at = withPrefix("p.", Object.fromEntries(parameters) as Record<string, Tensor>);
  const dt_BT = gapTensor(rig, 1)?.slice(0, 0, 1);
  const io = { ...plainIo("eval"), length_B: constant([tokens - 1], [1], "i32"), ...(dt_BT && { dt_BT }) };
  const result = rig.mixer.step!(leaf("x", [rig.width]), { ...contextOf(rig.part, at), s, io });
  return countFlops([result.y, ...Object.values(result.s)]).total;
}

export const stepCost: Law<MixerRig> = {
  name: "a step's cost grows with context exactly where a state does",
  applies: decodes,
  check: (rig) => {
    const unbounded = Object.values(rig.states).some((state) => isGrowing(state) && state.window === undefined);
    const [short, long] = [stepWork(rig, 65_536), stepWork(rig, 131_072)];
    if (unbounded) expect(long).toBeGreaterThan(1.2 * short);
    else expect(long).toBe(short);
  },
};
