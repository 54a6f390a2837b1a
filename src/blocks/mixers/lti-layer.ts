/**
 * What S4 and S4D share: a linear time-invariant state-space model of its own for every channel, a skip, a nonlinearity
 * and a projection. Axes: B batch, T time, D channels, S independent state matrices, N conjugate pairs of states.
 */
import { z } from "zod";
import { fromPairs, type LtiSystem, levelsOf, ltiScan } from "../../ops/index.ts";
import { concat, gelu, type Tensor, where } from "../../tensor/index.ts";
import type { Io } from "../define.ts";
import { chunkOfPowerOfTwo } from "../fields.ts";
import { bias, type Init, matrix, tensor, vector } from "../weights/declare.ts";
import { linear, value, type Weight } from "../weights/use.ts";

export const ltiConfig = {
  state: z
    .int()
    .positive()
    .multipleOf(2)
    .default(64)
    .describe("real numbers of state per channel, two a conjugate pair"),
  copies: z
    .int()
    .positive()
    .optional()
    .describe(
      "independent state matrices, taken in turn by the channels; must divide the width (default: one a channel)",
    ),
  dtMin: z.number().positive().default(1e-3).describe("least step size at the start, in tokens"),
  dtMax: z.number().positive().default(1e-1).describe("largest step size at the start, in tokens"),
  bidirectional: z.boolean().default(false).describe("a second model reads from the end; then there is no decoding"),
  activation: z.enum(["gelu", "none"]).default("gelu").describe("nonlinearity after the state-space model"),
  output: z
    .enum(["glu", "linear", "none"])
    .default("glu")
    .describe("projection at the end: to twice the width and a gate, to the width, or none"),
  chunk: chunkOfPowerOfTwo(64),
};

interface LtiOptions {
  state: number;
  copies?: number | undefined;
  dtMin: number;
  dtMax: number;
  bidirectional: boolean;
  activation: "gelu" | "none";
  output: "glu" | "linear" | "none";
  chunk: number;
}

export function ltiDims(c: LtiOptions, D: number) {
  const S = c.copies ?? D;
  return { D, S, N: c.state / 2, channelsPerCopy: D / S, directions: c.bidirectional ? 2 : 1 };
}
export type LtiSizes = ReturnType<typeof ltiDims>;

/** A and B are those of the component; complex parameters end in an axis (real, imaginary). */
export function ltiParams({ D, N, directions }: LtiSizes, c: LtiOptions) {
  const wide = c.output === "glu" ? 2 * D : D;
  return {
    C: tensor([directions, D, N, 2], { kind: "normal", std: Math.SQRT1_2 }),
    logDt: vector(D, logUniform(c.dtMin, c.dtMax)),
    skip: vector(D, { kind: "normal", std: 1 }),
    ...(c.output !== "none" && { out: matrix(D, wide, { init: "residual" }), outBias: bias(wide) }),
  };
}

const logUniform = (low: number, high: number): Init => ({
  kind: "uniform",
  low: Math.log(low),
  high: Math.log(high),
});

/** The same values for every copy. */
export const everyCopy = (values: readonly number[]): Init => ({
  kind: "values",
  fill: (_uniform, shape) => {
    const size = shape.reduce((product, dim) => product * dim, 1);
    return Array.from({ length: size }, (_, i) => values[i % values.length]!);
  },
});

/** x [D, 2N]: real parts, then imaginary parts, of the states of a channel. */
export const ltiState = ({ D, N }: LtiSizes, { bidirectional }: LtiOptions): { x?: number[] } =>
  bidirectional ? {} : { x: [D, 2 * N] };

export const ltiCapabilities = ({ bidirectional }: LtiOptions) =>
  ({
    flow: bidirectional ? "bidirectional" : "causal",
    state: bidirectional ? "none" : "finite",
    length: "any",
    batch: "independent",
    smooth: "everywhere",
    exact: "bitwise",
  }) as const;

/** A parameter [S, …] for every channel [D, …]: channel d uses copy d mod S. */
export function perChannel(x: Tensor, { D, S }: LtiSizes): Tensor {
  return D === S ? x : concat(0, new Array<Tensor>(D / S).fill(x));
}

/** Output map of one direction [D, N]. */
export const outputOf = (C: Weight, direction: number) => fromPairs(value(C).at(0, direction));

interface LtiLayer {
  c: LtiOptions;
  p: { skip: Weight; out?: Weight | undefined; outBias?: Weight | undefined };
  s: { x?: Tensor | undefined };
  io: Io;
  /** The discrete system of a direction, for chunks of 2^levels tokens. */
  system: (direction: number, levels: number) => LtiSystem;
}

/** All tokens at once; a step is the case of one. */
export function ltiLayer(x_BTD: Tensor, { c, p, s, io, system }: LtiLayer) {
  const u_DBT = x_BTD.transpose([2, 0, 1]);
  const levels = levelsOf(c.chunk, x_BTD.dim(1));
  const { ys, s_CBS } = ltiScan({
    us: [u_DBT],
    system: system(0, levels),
    s_CBS: s.x?.transpose([1, 0, 2]),
    mask_BT: io.mask_BT,
  });
  const y_DBT = c.bidirectional ? ys[0]!.add(fromEnd(u_DBT, { system: system(1, levels), io })) : ys[0]!;
  const mixed = y_DBT.transpose([1, 2, 0]).add(x_BTD.mul(value(p.skip)));
  const y = project(c.activation === "gelu" ? gelu(mixed) : mixed, { c, p });
  return { y, s: c.bidirectional ? {} : { x: s_CBS.transpose([1, 0, 2]) } };
}

/** Σ_l K_l u_{t+1+l}: the present counts in the forward direction alone. */
function fromEnd(u_DBT: Tensor, { system, io }: { system: LtiSystem; io: Io }): Tensor {
  const real = io.mask_BT ? where(io.mask_BT, u_DBT, 0) : u_DBT;
  const back = ltiScan({ us: [real.flip(2)], system }).ys[0]!.flip(2);
  return back.slice(2, 1).pad(2, 0, 1);
}

function project(y: Tensor, { c, p }: Pick<LtiLayer, "c" | "p">): Tensor {
  if (!p.out) return y;
  const wide = linear(y, p.out, p.outBias);
  if (c.output === "linear") return wide;
  const [values, gate] = wide.split(-1, [y.dim(-1), y.dim(-1)]);
  return values!.mul(gate!.sigmoid());
}
