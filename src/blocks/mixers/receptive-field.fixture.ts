import type { Tensor } from "../../tensor/index.ts";
import { type Arrays, drawParameters, plainIo, randomNormal, run, weightsFrom } from "../../testing/index.ts";
import type { Mixer } from "../define.ts";

const [tokens, middle, width] = [41, 20, 3];

/** How many tokens before and after an input's own its change moves outputs of these layers in a row. */
export function reachedBy(component: unknown, configs: readonly Record<string, unknown>[]) {
  const mixer = component as Mixer;
  const layers = configs.map((config) => {
    const c = mixer.config.parse(config);
    return { c, d: mixer.dims(c, width) };
  });
  const x = randomNormal("input of a stack", [1, tokens, width]);
  const moved = { ...x, data: x.data.map((value, i) => (Math.floor(i / width) === middle ? value + 1 : value)) };
  const outputs = [x, moved].map((input) => outputOf(mixer, layers, input));
  const changed = Array.from({ length: tokens }, (_, t) => t).filter((t) =>
    Array.from({ length: width }, (_, i) => t * width + i).some((i) => outputs[0]![i] !== outputs[1]![i]),
  );
  return { behind: middle - changed[0]!, ahead: changed.at(-1)! - middle };
}

function outputOf(
  mixer: Mixer,
  layers: readonly { c: Record<string, unknown>; d: Record<string, unknown> }[],
  x: Arrays[string],
): Float64Array {
  const parameters = layers.map(({ c, d }) => drawParameters(mixer.params(d, c)));
  const named = parameters.flatMap((set, l) => Object.entries(set).map(([name, value]) => [`${l}.${name}`, value]));
  const { y } = run({
    inputs: { x, ...Object.fromEntries(named) },
    build: (at) => {
      const stack = (input: Tensor) =>
        layers.reduce((h, { c, d }, l) => {
          const own = Object.keys(parameters[l]!).map((name) => [name, at[`${l}.${name}`]!]);
          const p = weightsFrom(Object.fromEntries(own) as Record<string, Tensor>);
          return mixer.forward(h, { c, d, p, s: {}, b: {}, io: plainIo("eval") }).y;
        }, input);
      return { y: stack(at.x!) };
    },
  });
  return y!.data as Float64Array;
}
