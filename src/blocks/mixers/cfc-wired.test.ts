import { expect, test } from "vitest";
import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { cfcWired } from "./cfc-wired.ts";
import { type Connections, ncpConnections, ncpSizes } from "./ncp-wiring.ts";
import { add, affine, naiveLstmCell, overTime, sigmoid, zerosOf } from "./rnn-naive.ts";

type Config = ReturnType<typeof cfcWired.config.parse>;
type Arguments = NaiveMixerArguments<
  Config,
  ReturnType<typeof cfcWired.dims>,
  Record<string, Loose>,
  { h: readonly number[]; c?: readonly number[] }
>;

interface Layer {
  input: number[][];
  recurrent: number[][];
  bias: number[];
  tau: number[];
  asymptote: number[];
}

/** One layer: the maps g and h read only the inputs that the mask leaves, the gate's all. */
function cell(
  x: number[],
  h: number[],
  { p, mask, mode, dt }: { p: Layer; mask: Connections; mode: Config["mode"]; dt: number },
) {
  const kept = h.map((_, j) => x.map((value, i) => value * mask[i]![j]!));
  const unit = (map: number, j: number, input: readonly number[]) => {
    const column = map * h.length + j;
    return affine([...input, ...h], [...p.input, ...p.recurrent], p.bias)[column]!;
  };
  return h.map((_, j) => {
    if (mode === "pure") {
      const f = unit(0, j, kept[j]!);
      return p.asymptote[j]! * (1 - Math.exp(-dt * (Math.abs(p.tau[j]!) + Math.abs(f))) * f);
    }
    const gate = sigmoid(unit(2, j, x) * dt + unit(3, j, x));
    const [g, far] = [Math.tanh(unit(0, j, kept[j]!)), Math.tanh(unit(1, j, kept[j]!))];
    return g * (mode === "no_gate" ? 1 : 1 - gate) + gate * far;
  });
}

function naive({ x, p, c, d, s, dt }: Arguments) {
  const made = ncpConnections(c, { inputs: d.D, sizes: d });
  const layers = [
    { name: "inter", size: d.inter, mask: made.sensory },
    { name: "command", size: d.command, mask: made.inter },
    { name: "motor", size: d.motor, mask: made.motor },
  ];
  return overTime(x, {
    given: s as Readonly<Record<string, Loose>> | undefined,
    start: { h: zerosOf(d.H), ...(c.mixedMemory && { c: zerosOf(d.H) }) },
    step: (token, state, { b, t }) => {
      const memory = state.c
        ? naiveLstmCell(add(affine(token, p.memoryInput!, p.memoryBias), affine(state.h, p.memoryRecurrent!)), state.c)
        : state;
      let [below, from] = [token, 0];
      const h: number[] = [];
      for (const { name, size, mask } of layers) {
        const own = Object.fromEntries(
          ["input", "recurrent", "bias", "tau", "asymptote"].map((key) => [key, p[`${name}.${key}`]]),
        );
        below = cell(below, memory.h.slice(from, from + size), {
          p: own as unknown as Layer,
          mask,
          mode: c.mode,
          dt: dt![b]![t]!,
        });
        h.push(...below);
        from += size;
      }
      return { y: p.out ? affine(below, p.out) : below, s: { ...memory, h } };
    },
  });
}

mixerSuite(cfcWired, {
  configs: [
    { hidden: 9, outputs: 2 },
    { hidden: 8, outputs: 4, command: 2, mode: "no_gate", seed: 3, sensoryFanout: 1 },
    { hidden: 7, mode: "pure", mixedMemory: true, sparsity: 0.3 },
  ],
  naive,
  width: 4,
});

const sizes = ncpSizes({ outputs: 3, command: 5 }, 20);
const fans = {
  outputs: 3,
  command: 5,
  sparsity: 0.5,
  sensoryFanout: 4,
  interFanout: 2,
  commandSynapses: 6,
  motorFanin: 3,
};
const total = (rows: Connections) => rows.flat().reduce((sum, value) => sum + value, 0);
const flipped = (m: Connections) => m[0]!.map((_, j) => m.map((row) => row[j]!));

test("[ncp-wiring] every input, inter and motor neuron has the asked number of synapses, and no neuron has none", () => {
  expect(sizes).toEqual({ inter: 12, command: 5, motor: 3 });
  for (const seed of [0, 1, 2]) {
    const made = ncpConnections({ ...fans, seed }, { inputs: 6, sizes });
    for (const row of made.inter) expect(total([row])).toBeGreaterThanOrEqual(2);
    for (const row of made.sensory) expect(total([row])).toBeGreaterThanOrEqual(4);
    for (const column of flipped(made.motor)) expect(total([column])).toBeGreaterThanOrEqual(3);
    expect(total(made.command)).toBeGreaterThan(0);
    expect(total(made.command)).toBeLessThanOrEqual(6);
    for (const layer of [made.sensory, made.inter])
      expect(flipped(layer).every((column) => total([column]) > 0)).toBe(true);
    expect(made.motor.every((row) => total([row]) > 0)).toBe(true);
  }
});

test("[ncp-wiring] where all targets are reached anyway the counts are exact, and a seed decides which they are", () => {
  const dense = { ...fans, sensoryFanout: 12, interFanout: 5, motorFanin: 5 };
  const made = ncpConnections({ ...dense, seed: 0 }, { inputs: 6, sizes });
  expect([total(made.sensory), total(made.inter), total(made.motor)]).toEqual([6 * 12, 12 * 5, 5 * 3]);
  const at = (seed: number) => ncpConnections({ ...fans, seed }, { inputs: 6, sizes });
  expect(at(4)).toEqual(at(4));
  expect(at(4)).not.toEqual(at(5));
});
