/** The authors' S4 and S4D kernels and layers; A there turns the other way (−i A_imag), and C is stored as C̃. */
import { diagonalMatrix, type HippoMeasure, hippo, levelsOf, normalPlusLowRank } from "../../ops/index.ts";
import { layerNorm, stack, type Tensor } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import type { Mixer } from "../define.ts";
import type { Weight } from "../weights/use.ts";
import { columnsOf, weightOf } from "./mamba-2.goldens.ts";
import { goldenIo } from "./rnn-golden-weights.fixture.ts";
import { systemOf as lowRankSystem, s4 } from "./s4.ts";
import { type DiagonalStart, diagonalStart, type InputStart } from "./s4-start.ts";
import { systemOf as diagonalOf, s4d } from "./s4d.ts";

interface Layer {
  c: GoldenCase;
  /** Before the names of the kernel's parameters. */
  prefix: string;
  /** Tokens of the source's kernel. */
  length: number;
}

const isDiagonal = (c: GoldenCase) => c.text("mode") === "diag";
const extras = (c: GoldenCase) => (c.config.kwargs ?? {}) as Record<string, unknown>;

function configOf(c: GoldenCase, prefix: string) {
  const { disc, bandlimit } = extras(c);
  const settings = {
    state: c.number("N"),
    copies: c.tensor(`${prefix}A_real`).dim(0),
    ...(disc !== undefined && { discretisation: disc }),
    ...(bandlimit !== undefined && { bandlimit }),
    bidirectional: extras(c).bidirectional === true,
    activation: extras(c).activation === "id" ? "none" : "gelu",
    output: c.flag("block") ? "glu" : "none",
  };
  return settings;
}

/** Parameters with C as it is stored. */
function kernelWeights({ c, prefix }: Layer) {
  const at = (name: string) => c.tensor(`${prefix}${name}`);
  const rate = Math.log(c.number("rate", 1));
  return {
    logRate: weightOf(at("A_real")),
    frequency: weightOf(at("A_imag").neg()),
    B: weightOf(at("B").squeeze(0)),
    C: weightOf(at("C")),
    logDt: weightOf(at("inv_dt").squeeze(1).add(rate)),
    ...(!isDiagonal(c) && { P: weightOf(at("P").transpose([1, 0, 2, 3])) }),
  };
}

type KernelWeights = ReturnType<typeof kernelWeights>;

const sizes = (layer: Layer) => {
  const component = isDiagonal(layer.c) ? s4d : s4;
  const config = component.config.parse(configOf(layer.c, layer.prefix));
  return { config, d: component.dims(config as never, layer.c.number("H")) };
};

function systemWith(layer: Layer, p: KernelWeights) {
  const { config, d } = sizes(layer);
  return isDiagonal(layer.c)
    ? diagonalOf({ c: config as never, d, p: p as never })
    : lowRankSystem({ d, p: p as never });
}

/** C = (1 − (Ā^L)ᵀ)⁻¹ C̃, the inverse as the product of 1 + M^(2^k), which ends where those powers vanish. */
function untruncated(layer: Layer, p: KernelWeights): Weight {
  if (isDiagonal(layer.c)) return p.C;
  const levels = Math.floor(Math.log2(layer.length));
  const system = systemWith(layer, p)(0, levels);
  const identity = diagonalMatrix(system.write.at(2, 0).mul(0).add(1));
  const powered = Array.from({ length: levels + 1 }, (_, level) => level)
    .filter((level) => Math.floor(layer.length / 2 ** level) % 2 === 1)
    .reduce((state, level) => system.advance(state, level), identity);
  let power = powered;
  let inverse = identity.add(power);
  for (let k = 0; k < 24; k++) {
    power = power.matmul(power);
    inverse = inverse.matmul(identity.add(power));
  }
  return weightOf(
    stack(
      0,
      channelsOf(p.C.tensor).map((C) => pairs(inverse.matmul(reals(C).unsqueeze(2)).squeeze(2))),
    ),
  );
}

const channelsOf = (C: Tensor): Tensor[] => Array.from({ length: C.dim(0) }, (_, channel) => C.at(0, channel));

/** The output row 2·[Re C, −Im C] of pairs [H, N, 2], and back. */
const reals = (C: Tensor): Tensor => stack(1, [C.at(-1, 0), C.at(-1, 1).neg()]).reshape([C.dim(0), -1]);
const pairs = (row: Tensor): Tensor => {
  const N = row.dim(1) / 2;
  return stack(2, [row.slice(1, 0, N), row.slice(1, N).neg()]);
};

function kernelGraph(c: GoldenCase): GoldenGraph {
  const length = c.number("length", c.number("L"));
  const layer = { c, prefix: "param.", length };
  const stored = kernelWeights(layer);
  const system = systemWith(layer, { ...stored, C: untruncated(layer, stored) });
  const kernels = channelsOf(stored.C.tensor).map((_, channel) =>
    system(channel, levelsOf(length, length)).kernel_CL.slice(1, 0, length),
  );
  return { outputs: { "out.K": stack(0, kernels) } };
}

/** Stored states [B, H, N, 2] as ours, real parts first, and back. */
const stateIn = (x: Tensor): Tensor => x.transpose([0, 1, 3, 2]).reshape([x.dim(0), x.dim(1), -1]);
const stateOut = (x: Tensor): Tensor => x.reshape([x.dim(0), x.dim(1), 2, -1]).transpose([0, 1, 3, 2]);

function layerGraph(c: GoldenCase): GoldenGraph {
  const block = c.flag("block");
  const layer = { c, prefix: block ? "param.layer.kernel." : "param.kernel.", length: c.number("L") };
  const stored = kernelWeights(layer);
  const p = {
    ...stored,
    C: untruncated(layer, stored),
    skip: weightOf(c.tensor(block ? "param.layer.D" : "param.D").squeeze(0)),
    ...(block && {
      out: columnsOf(c.tensor("param.output_linear.0.weight")),
      outBias: weightOf(c.tensor("param.output_linear.0.bias")),
    }),
  };
  const { config, d } = sizes(layer);
  const mixer = (isDiagonal(c) ? s4d : s4) as unknown as Mixer;
  const at = { c: config as never, d: d as never, p: p as never, b: {}, io: goldenIo() };
  const x = c.tensor("in.x");
  const given = c.maybe("state.in.state");
  const { y, s } = mixer.forward(x, { ...at, s: { x: given && stateIn(given) } });
  const outputs: Record<string, Tensor> = { "out.y": y };
  if (c.has("state.out.state")) outputs["state.out.state"] = stateOut(s.x!);
  if (c.has("out.y_step")) {
    const start = given ? stateIn(given) : s.x!.mul(0);
    let state = start;
    const ys = Array.from({ length: x.dim(1) }, (_, t) => {
      const result = mixer.step!(x.at(1, t), { ...at, s: { x: state } });
      state = result.s.x!;
      return result.y;
    });
    outputs["out.y_step"] = stack(1, ys);
    outputs["state.out.step"] = stateOut(state);
  }
  return { outputs };
}

function minimalGraph(c: GoldenCase): GoldenGraph {
  const at = (name: string) => c.tensor(`param.${name}`);
  const config = s4d.config.parse({ state: c.number("N") });
  const A_imag = at("kernel.A_imag");
  const p = {
    logRate: weightOf(at("kernel.log_A_real")),
    frequency: weightOf(A_imag),
    B: weightOf(stack(2, [A_imag.mul(0).add(1), A_imag.mul(0)])),
    C: weightOf(at("kernel.C").unsqueeze(0)),
    logDt: weightOf(at("kernel.log_dt")),
    skip: weightOf(at("D")),
    out: columnsOf(at("output_linear.0.weight").squeeze(2)),
    outBias: weightOf(at("output_linear.0.bias")),
  };
  const d = s4d.dims(config, c.number("H"));
  const x = c.tensor("in.x");
  const { y } = s4d.forward(x, { c: config, d, p, s: {}, b: {}, io: goldenIo() });
  const system = diagonalOf({ c: config, d, p })(0, levelsOf(x.dim(1), x.dim(1)));
  return { outputs: { "out.y": y, "out.K": system.kernel_CL.slice(1, 0, x.dim(1)) } };
}

/** DSS as S4D without step sizes, one matrix for all channels and no conjugates: half of C counts for both of a pair. */
function dssGraph(c: GoldenCase): GoldenGraph {
  const at = (name: string) => c.tensor(`param.${name}`);
  const [imaginary, width] = [at("Lambda_imag"), c.number("dim")];
  const frequency = c.flag("imag_exp") ? imaginary.exp() : imaginary;
  const one = imaginary.mul(0).add(1);
  const p = {
    logRate: weightOf(at("Lambda_real").unsqueeze(0)),
    frequency: weightOf(frequency.unsqueeze(0)),
    B: weightOf(stack(1, [one, one.mul(0)]).unsqueeze(0)),
    C: weightOf(
      stack(2, [at("C_real"), at("C_imag")])
        .div(2)
        .unsqueeze(0),
    ),
    logDt: weightOf(at("param_D").mul(0)),
    skip: weightOf(at("param_D")),
  };
  const config = s4d.config.parse({ state: 2 * c.number("N"), copies: 1, activation: "none", output: "none" });
  const u = layerNorm(c.tensor("in.x"), at("norm.weight"), at("norm.bias"));
  const { y } = s4d.forward(u, { c: config, d: s4d.dims(config, width), p, s: {}, b: {}, io: goldenIo() });
  return { outputs: { "out.y": y } };
}

/** The source's names for where B starts. */
const inputNames: Readonly<Record<string, InputStart>> = {
  alternating: "alternating",
  "unit-cw": "clockwise",
  "unit-ccw": "counter-clockwise",
};

/** A there is re − i·im, the B of the source. */
function startOf(c: GoldenCase): Record<string, number[]> {
  const { init } = c.config;
  const { A, B } = diagonalStart(init as DiagonalStart, c.number("N"), inputNames[c.text("B_init")]);
  const stored = { "out.A": A.flatMap(([re, im]) => [re, -im]) };
  return init === "legs" ? stored : { ...stored, "out.B": B.flat() };
}

function hippoOf(c: GoldenCase): Record<string, number[]> {
  const { A, B, P } = hippo(c.text("measure") as HippoMeasure, c.number("N"));
  const normal = normalPlusLowRank({ A, B, P });
  return {
    "out.A": A.flat(),
    "out.B": B,
    "out.P": P.flat(),
    "out.W": normal.im.flatMap((im) => [normal.re, -im]),
    "out.abs_b": normal.B.map(([re, im]) => Math.hypot(re, im)),
    "out.abs_p": normal.P.flat().map(([re, im]) => Math.hypot(re, im)),
    "out.pb": normal.P.flatMap((row) =>
      row.flatMap(([re, im], n) => {
        const [x, y] = normal.B[n]!;
        return [re * x + im * y, re * y - im * x];
      }),
    ),
  };
}

/** Both of each pair, by rising imaginary part: magnitudes are the same for both. */
function legsOf(c: GoldenCase): Record<string, number[]> {
  const { A, B, P } = hippo("legs", c.number("N"));
  const { re, im, vectors, ...normal } = normalPlusLowRank({ A, B, P });
  const both = <T>(falling: readonly T[]): T[] => [...falling, ...[...falling].reverse()];
  const size = ([x, y]: readonly [number, number]) => Math.hypot(x, y);
  const columns = both(vectors.map((v) => v.map(size)));
  return {
    "out.A": A.flat(),
    "out.B": B,
    "out.P": P[0]!,
    "out.Lambda_re": both(im.map(() => re)),
    "out.Lambda_im": [...im.map((w) => -w), ...[...im].reverse()],
    "out.Babs": both(normal.B.map(size)),
    "out.Pabs": both(normal.P[0]!.map(size)),
    "out.Vabs": A.flatMap((_, i) => columns.map((column) => column[i]!)),
  };
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "s4-kernel", build: kernelGraph },
  { kind: "blocks", component: "s4-layer", build: layerGraph },
  { kind: "blocks", component: "s4d-minimal", build: minimalGraph },
  { kind: "blocks", component: "dss", build: dssGraph },
  { kind: "blocks", component: "s4d-init", compute: startOf },
  { kind: "blocks", component: "hippo", compute: hippoOf },
  { kind: "blocks", component: "hippo_legs", compute: legsOf },
];
