/**
 * Sparse wirings of liquid networks: neural circuit policies (Lechner et al. 2020), in which signals go from the inputs over
 * inter and command neurons to motor neurons, and random ones. A seed decides which synapses exist.
 */
import { z } from "zod";
import { createRng, type Rng } from "../../ops/index.ts";
import { constant, fail, type Tensor } from "../../tensor/index.ts";

const count = (what: string) => z.int().positive().optional().describe(what);

/** Every count left out follows from the sparsity by the rule of the authors' AutoNCP. */
export const ncpOptions = {
  outputs: count("motor neurons, which are the output (default: a quarter of all)"),
  sparsity: z.number().min(0).max(0.95).default(0.5).describe("share of possible synapses that is left out"),
  command: count("command neurons (default: 2/5 of those that are not motor neurons; the rest are inter neurons)"),
  sensoryFanout: count("inter neurons that each input reaches"),
  interFanout: count("command neurons that each inter neuron reaches"),
  commandSynapses: count("synapses between command neurons"),
  motorFanin: count("command neurons that each motor neuron reads"),
  seed: z.int().nonnegative().default(0).describe("which synapses these are"),
};
const ncpConfig = z.strictObject(ncpOptions);
export type NcpOptions = z.infer<typeof ncpConfig>;

export const wiringChoice = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("full").describe("every input and neuron to every neuron") }),
    ncpConfig.extend({ kind: z.literal("ncp").describe("inputs → inter → command → motor neurons") }),
    z.strictObject({
      kind: z.literal("random").describe("each synapse exists or not by chance"),
      outputs: count("neurons that are the output, from the first (default: all)"),
      sparsity: ncpOptions.sparsity,
      seed: ncpOptions.seed,
    }),
  ])
  .prefault({ kind: "full" })
  .describe("which inputs and neurons are connected");
export type WiringChoice = z.infer<typeof wiringChoice>;

/** 1 where row (source) reaches column (target). */
export type Connections = readonly (readonly number[])[];

export interface NcpSizes {
  inter: number;
  command: number;
  motor: number;
}

/** Throws E_NCP where too few neurons are left for a layer. */
export function ncpSizes(o: Pick<NcpOptions, "outputs" | "command">, neurons: number): NcpSizes {
  const motor = o.outputs ?? Math.max(1, Math.floor(neurons / 4));
  const command = o.command ?? Math.max(1, Math.floor(0.4 * (neurons - motor)));
  const inter = neurons - motor - command;
  if (inter > 0) return { inter, command, motor };
  return fail({
    code: "E_NCP",
    where: "wiring",
    expected: "at least one inter neuron beside the command and motor neurons",
    got: `${neurons} neurons, of which ${command} command and ${motor} motor`,
    hint: "Set hidden higher, or outputs lower.",
  });
}

/** The synapses between neighbouring layers, and those among command neurons. */
export interface NcpConnections {
  sensory: Connections;
  inter: Connections;
  command: Connections;
  motor: Connections;
}

export function ncpConnections(o: NcpOptions, { inputs, sizes }: { inputs: number; sizes: NcpSizes }): NcpConnections {
  const { inter, command, motor } = sizes;
  const share = (of: number, given: number | undefined) =>
    Math.min(of, given ?? Math.max(1, Math.floor(of * (1 - o.sparsity))));
  const rng = createRng(o.seed);
  const synapses = o.commandSynapses ?? Math.max(1, Math.floor(2 * command * (1 - o.sparsity)));
  const among = empty(command, command);
  const pairs = rng.fork("command");
  for (let i = 0; i < synapses; i++) among[pairs.below(command)]![pairs.below(command)] = 1;
  return {
    sensory: fan(inputs, inter, { fanout: share(inter, o.sensoryFanout), rng: rng.fork("sensory") }),
    inter: fan(inter, command, { fanout: share(command, o.interFanout), rng: rng.fork("inter") }),
    command: among,
    motor: flipped(fan(motor, command, { fanout: share(command, o.motorFanin), rng: rng.fork("motor") })),
  };
}

const empty = (rows: number, columns: number): number[][] =>
  Array.from({ length: rows }, () => new Array<number>(columns).fill(0));

const flipped = (m: Connections): number[][] => m[0]!.map((_, j) => m.map((row) => row[j]!));

/** Every source reaches `fanout` targets; targets that none reached are then given as many sources as the others have on average. */
function fan(sources: number, targets: number, { fanout, rng }: { fanout: number; rng: Rng }): number[][] {
  const made = empty(sources, targets);
  for (const row of made) for (const j of rng.permutation(targets).slice(0, fanout)) row[j] = 1;
  const average = Math.min(sources, Math.max(1, Math.floor((sources * fanout) / targets)));
  for (let j = 0; j < targets; j++) {
    if (made.some((row) => row[j] === 1)) continue;
    for (const i of rng.permutation(sources).slice(0, average)) made[i]![j] = 1;
  }
  return made;
}

/** Synapses of a network whose neurons may all be connected; absent where all are. */
export interface Wiring {
  /** The first so many neurons are the output. */
  outputs: number;
  /** f32 [inputs, neurons] of 0 and 1. */
  input?: Tensor;
  /** f32 [neurons, neurons] of 0 and 1, rows the sources. */
  between?: Tensor;
}

/** Motor neurons come first, then command and inter neurons. */
export function wiringOf(choice: WiringChoice, { inputs, neurons }: { inputs: number; neurons: number }): Wiring {
  if (choice.kind === "full") return { outputs: neurons };
  const { outputs, input, between } =
    choice.kind === "ncp" ? circuit(choice, inputs, neurons) : scattered(choice, inputs, neurons);
  return { outputs, input: tensorOf(input), between: tensorOf(between) };
}

export const outputsOf = (choice: WiringChoice, neurons: number): number =>
  choice.kind === "ncp"
    ? ncpSizes(choice, neurons).motor
    : choice.kind === "full"
      ? neurons
      : (choice.outputs ?? neurons);

function circuit(o: NcpOptions, inputs: number, neurons: number) {
  const sizes = ncpSizes(o, neurons);
  const made = ncpConnections(o, { inputs, sizes });
  const { motor, command } = sizes;
  const input = empty(inputs, neurons);
  const between = empty(neurons, neurons);
  const place = (into: number[][], part: Connections, row: number, column: number) => {
    for (const [i, values] of part.entries()) into[row + i]!.splice(column, values.length, ...values);
  };
  place(input, made.sensory, 0, motor + command);
  place(between, made.inter, motor + command, motor);
  place(between, made.command, motor, motor);
  place(between, made.motor, motor, 0);
  return { outputs: motor, input, between };
}

function scattered(
  { outputs, sparsity, seed }: Extract<WiringChoice, { kind: "random" }>,
  inputs: number,
  neurons: number,
) {
  const draw = (rng: Rng, rows: number) =>
    empty(rows, neurons).map((row) => row.map(() => (rng.uniform() < sparsity ? 0 : 1)));
  const rng = createRng(seed);
  return {
    outputs: outputs ?? neurons,
    input: draw(rng.fork("sensory"), inputs),
    between: draw(rng.fork("neurons"), neurons),
  };
}

export const tensorOf = (m: Connections): Tensor => constant(m.flat(), [m.length, m[0]!.length]);
