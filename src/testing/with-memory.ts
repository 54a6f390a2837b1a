import { type Mixer, tensor } from "../blocks/index.ts";

const sourceTokens = 4;

/**
 * A mixer that reads a memory as one that brings its own, the same for every sequence, as the parameter `memory` [S, D]: so
 * that all laws of mixers can be run on it, those of gradients by the memory too. It computes what it keeps of the memory anew.
 */
export function withMemory<M extends Mixer>(mixer: M): Mixer {
  const own = ({ p, ...at }: Parameters<Mixer["forward"]>[1]) => {
    const { memory, ...rest } = p;
    const [S, D] = memory!.declaration.shape as [number, number];
    const of = (batch: number) => ({ x_BSD: memory!.tensor.unsqueeze(0).expand([batch, S, D]) });
    return (batch: number) => ({ ...at, p: rest, s: {}, io: { ...at.io, memory: of(batch) } });
  };
  return {
    ...mixer,
    state: () => ({}),
    dims: (c, width) => ({ ...mixer.dims(c, width), memoryWidth: width }),
    params: (d, c) => ({
      ...mixer.params(d, c),
      memory: tensor([sourceTokens, d["memoryWidth"] as number], { kind: "normal", std: 1 }),
    }),
    forward: (x_BTD, at) => ({ ...mixer.forward(x_BTD, own(at)(x_BTD.dim(0))), s: {} }),
    step: (x_BD, at) => {
      const { y, ...rest } = mixer.forward(x_BD.unsqueeze(1), own(at)(x_BD.dim(0)));
      return { ...rest, y: y.squeeze(1), s: {} };
    },
  };
}
