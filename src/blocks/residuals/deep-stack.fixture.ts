import { grad } from "../../grad/index.ts";
import { input, type Tensor } from "../../tensor/index.ts";
import { nativeEngine, plainIo, randomNormal, weightsFrom } from "../../testing/index.ts";
import { adamScalars, adamw } from "../../train/index.ts";
import { mlp } from "../channels/mlp.ts";
import { families } from "../families.ts";

const [width, hidden, rows] = [16, 32, 64];
const config = mlp.config.parse({ activation: "relu", hidden, bias: false });
const adam = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8 };

type Scheme = "add" | "none" | "layerscale" | "rezero";

interface StackOptions {
  layers?: number;
  /** Start of the scheme's learned factor. */
  start?: number;
  /** What writes into the stream is not scaled down by depth. */
  undamped?: boolean;
}

interface Parameter {
  name: string;
  leaf: Tensor;
}

/** What the scheme learns: its one parameter's name and size. */
const learned = { layerscale: { scale: [width] }, rezero: { gate: [1] }, add: {}, none: {} } as const;

function parametersOf(scheme: Scheme, layers: number): Parameter[] {
  const shapes = { up: [width, hidden], down: [hidden, width], ...learned[scheme] };
  return Array.from({ length: layers }, (_, layer) =>
    Object.entries(shapes).map(([part, shape]) => ({ name: `${part}${layer}`, leaf: input(`${part}${layer}`, shape) })),
  ).flat();
}

/** Feed-forward sublayers without norms, joined by a residual scheme, on x [rows, width]. */
function deepStack(scheme: Scheme, x: Tensor, parameters: readonly Parameter[]): Tensor {
  const at = { b: {}, io: plainIo("train") };
  let stream = x;
  const perLayer = 2 + Object.keys(learned[scheme]).length;
  for (let first = 0; first < parameters.length; first += perLayer) {
    const own = parameters.slice(first, first + perLayer).map(({ leaf }) => leaf);
    const p = weightsFrom({ up: own[0]!, down: own[1]! });
    const { y } = mlp.forward(stream, { ...at, c: config, d: { D: width, F: hidden }, p });
    const scale = weightsFrom(Object.fromEntries(Object.keys(learned[scheme]).map((name) => [name, own[2]!])));
    stream = families.residuals[scheme]!.forward(stream, y, { ...at, c: {}, d: { D: width }, p: scale });
  }
  return stream;
}

/** Standard deviation 1/√inputs; what writes into a residual stream is divided by √(2·layers), as models do. */
function startOf(
  { name, leaf }: Parameter,
  scheme: Scheme,
  { start = 1, undamped = false, layers = 24 }: StackOptions,
): Float32Array {
  if (leaf.rank === 1) return new Float32Array(leaf.size).fill(start);
  const damping = scheme !== "none" && !undamped && name.startsWith("down") ? Math.sqrt(2 * layers) : 1;
  return Float32Array.from(randomNormal(name, leaf.shape, 1 / (Math.sqrt(leaf.dim(0)) * damping)).data);
}

/** Trains a deep stack to give tanh(x·W); its last loss over that of giving 0, which knows nothing of x. */
export async function trainDeepStack(scheme: Scheme, steps: number, options: StackOptions = {}): Promise<number> {
  const parameters = parametersOf(scheme, options.layers ?? 24);
  const x = input("x", [rows, width]);
  const target = x.matmul(input("teacher", [width, width])).tanh();
  const loss = deepStack(scheme, x, parameters).sub(target).square().mean();
  const gradients = grad(
    loss,
    parameters.map(({ leaf }) => leaf),
  );
  const named = Object.fromEntries(parameters.map(({ name }, i) => [`grad:${name}`, gradients[i]!]));
  const trainer = await nativeEngine().trainer({
    program: { outputs: { loss, zero: target.square().mean(), ...named } },
    parameters: parameters.map((p) => ({
      name: p.name,
      shape: p.leaf.shape,
      value: startOf(p, scheme, options),
      scalars: { weightDecay: 0 },
    })),
    rule: adamw(adam),
    clipNorm: 1,
  });
  const teacher = Float32Array.from(randomNormal("teacher", [width, width], 1 / Math.sqrt(width)).data);
  let share = 1;
  for (let t = 1; t <= steps; t++) {
    const batch = { x: Float32Array.from(randomNormal(`batch ${t}`, [rows, width]).data), teacher };
    const { outputs } = await trainer.step([batch], adamScalars(adam, t, 3e-3));
    share = outputs.loss! / outputs.zero!;
  }
  await trainer.dispose();
  return share;
}
