/** Optimizers of PyTorch and of the authors' packages over stored gradients. Adapters map their settings to ours. */
import { sizeOf } from "../../tensor/index.ts";
import type { Absent, Computed, GoldenAdapter, GoldenCase } from "../../testing/goldens/index.ts";
import { type OptimizerInput, optimizerSchema } from "./registry.ts";
import { replay, type Trajectory } from "./replay.ts";

/** Settings by the names that most sources share. */
function shared(c: GoldenCase) {
  const [beta1, beta2] = c.list("betas", []);
  const epsilon = typeof c.config["eps"] === "number" ? { epsilon: c.config["eps"] } : {};
  return {
    learningRate: c.number("lr"),
    weightDecay: c.number("weight_decay", 0),
    ...epsilon,
    ...(beta1 !== undefined && { beta1 }),
    ...(beta2 !== undefined && { beta2 }),
  };
}

type Settings = OptimizerInput | Absent;
const decoupledIf = (flag: boolean) => ({ decay: flag ? ("decoupled" as const) : ("coupled" as const) });
const decayOf = (c: GoldenCase) => decoupledIf(c.flag("weight_decouple"));

/** Zero steps and the like are what the settings' names say; only the names differ. */
const settings: Readonly<Record<string, (c: GoldenCase) => Settings>> = {
  sgd(c) {
    const common = { learningRate: c.number("lr"), weightDecay: c.number("weight_decay") };
    if (c.number("momentum") === 0) return { kind: "sgd", ...common };
    if (c.flag("nesterov")) return { kind: "nesterov", ...common, momentum: c.number("momentum") };
    return { kind: "momentum", ...common, momentum: c.number("momentum"), dampening: c.number("dampening") };
  },
  adam: (c) => ({ kind: "adam", ...shared(c), amsgrad: c.flag("amsgrad") }),
  adamw: (c) => ({ kind: "adamw", ...shared(c), amsgrad: c.flag("amsgrad") }),
  nadam: (c) => ({
    kind: "nadam",
    ...shared(c),
    momentumDecay: c.number("momentum_decay"),
    ...decoupledIf(c.flag("decoupled_weight_decay")),
  }),
  radam: (c) => ({ kind: "radam", ...shared(c), ...decoupledIf(c.flag("decoupled_weight_decay")) }),
  adamax: (c) => ({ kind: "adamax", ...shared(c) }),
  adagrad: (c) => ({
    kind: "adagrad",
    ...shared(c),
    rateDecay: c.number("lr_decay"),
    start: c.number("initial_accumulator_value"),
  }),
  rmsprop: (c) => ({
    kind: "rmsprop",
    ...shared(c),
    alpha: c.number("alpha"),
    momentum: c.number("momentum"),
    centered: c.flag("centered"),
  }),
  adadelta: (c) => ({ kind: "adadelta", ...shared(c), rho: c.number("rho") }),
  adafactor(c) {
    const [epsilon1, epsilon2] = c.config["eps"] as [number | null, number];
    return {
      kind: "adafactor",
      ...shared(c),
      epsilon1: epsilon1 ?? 2 ** -52,
      epsilon2,
      beta2Decay: c.number("beta2_decay"),
      clip: c.number("d"),
    };
  },
  rprop(c) {
    const [shrink, grow] = c.list("etas") as [number, number];
    const [smallest, largest] = c.list("step_sizes") as [number, number];
    return { kind: "rprop", ...shared(c), shrink, grow, smallest, largest };
  },
  asgd: (c) => ({ kind: "asgd", ...shared(c), lambda: c.number("lambd"), alpha: c.number("alpha") }),
  lion: (c) => ({ kind: "lion", ...shared(c), decay: c.flag("decoupled_weight_decay") ? "independent" : "decoupled" }),
  lion_cautious: (c) => ({ kind: "lion", ...shared(c), ...decayOf(c), cautious: c.flag("cautious") }),
  tiger: (c) => ({ kind: "tiger", ...shared(c), ...decayOf(c), beta: c.number("beta") }),
  grams: (c) => ({ kind: "grams", ...shared(c), ...decayOf(c) }),
  adopt: (c) => ({ kind: "adopt", ...shared(c), ...decayOf(c) }),
  adabelief: (c) => ({ kind: "adabelief", ...shared(c), ...decayOf(c) }),
  yogi: (c) => ({ kind: "yogi", ...shared(c), ...decayOf(c), start: c.number("initial_accumulator") }),
  laprop: (c) => ({ kind: "laprop", ...shared(c) }),
  adan(c) {
    const [beta1, beta2, beta3] = c.list("betas").map((fresh) => 1 - fresh) as [number, number, number];
    return { kind: "adan", ...shared(c), beta1, beta2, beta3 };
  },
  ademamix(c) {
    const rampSteps = (c.config["t_alpha_beta3"] as number | undefined) ?? null;
    return {
      kind: "ademamix",
      ...shared(c),
      ...decayOf(c),
      beta3: c.list("betas")[2]!,
      alpha: c.number("alpha"),
      rampSteps,
    };
  },
  lamb: (c) => ({
    kind: "lamb",
    ...shared(c),
    decay: c.flag("weight_decouple") ? "decoupled" : "inside",
    clipNorm: c.flag("pre_norm") ? c.number("max_grad_norm") : null,
  }),
  lars: (c) => ({
    kind: "lars",
    ...shared(c),
    momentum: c.number("momentum"),
    dampening: c.number("dampening"),
    nesterov: c.flag("nesterov"),
    trust: c.number("trust_coefficient"),
  }),
  came: (c) => ({
    kind: "came",
    ...shared(c),
    ...decayOf(c),
    beta3: c.list("betas")[2]!,
    epsilon1: c.number("eps1"),
    epsilon2: c.number("eps2"),
    clip: c.number("clip_threshold"),
  }),
  sophia: (c) => ({ kind: "sophia", ...shared(c), ...decayOf(c), bound: c.number("p"), curvature: "written" }),
  stableadamw: (c) => ({ kind: "stable-adamw", ...shared(c) }),
  mars(c) {
    const [beta1, beta2] = c.list("betas_1d") as [number, number];
    const others = {
      learningRate: c.number("lr_1d"),
      weightDecay: c.number("weight_decay_1d"),
      beta1,
      beta2,
      epsilon: c.number("eps"),
    };
    return {
      kind: "mars",
      ...shared(c),
      ...decayOf(c),
      form: c.text("mars_type") as "adamw" | "lion",
      gamma: c.number("gamma"),
      others,
    };
  },
  muon,
  muon_bfloat16: muon,
  shampoo: (c) => ({
    kind: "shampoo",
    ...shared(c),
    momentum: c.number("momentum"),
    every: c.number("preconditioning_compute_steps"),
    start: c.number("matrix_eps"),
  }),
  schedulefree_sgd: (c) => ({
    kind: "schedule-free-sgd",
    ...shared(c),
    ...averaging(c),
    momentum: c.number("momentum"),
    warmupSteps: c.number("warmup_steps"),
  }),
  schedulefree_adamw: (c) => ({
    kind: "schedule-free-adamw",
    ...shared(c),
    ...averaging(c),
    warmupSteps: c.number("warmup_steps"),
  }),
  schedulefree_radam: (c) => ({
    kind: "schedule-free-radam",
    ...shared(c),
    ...averaging(c),
    early: c.flag("silent_sgd_phase") ? "still" : "sgd",
  }),
  soap: (c) => ({
    kind: "soap",
    ...shared(c),
    statisticsBeta: c.number("shampoo_beta", c.list("betas")[1]),
    every: c.number("precondition_frequency"),
    normalise: c.flag("normalize_gradient"),
  }),
  prodigy: (c) => ({
    kind: "prodigy",
    ...shared(c),
    decay: c.flag("decouple") ? "adapted" : "coupled",
    initialDistance: c.number("d0"),
    distanceRatio: c.number("d_coef"),
    biasCorrection: c.flag("use_bias_correction"),
    safeguardWarmup: c.flag("safeguard_warmup"),
  }),
};

const averaging = (c: GoldenCase) => ({ stepPower: c.number("r"), ratePower: c.number("weight_lr_power") });

function muon(c: GoldenCase): Settings {
  const scales = { original: "original", match_rms_adamw: "match-rms", spectral_unclamped: "spectral" } as const;
  return {
    kind: "muon",
    ...shared(c),
    epsilon: c.number("eps"),
    momentum: c.number("momentum"),
    nesterov: c.flag("nesterov"),
    iterations: c.number("ns_steps"),
    coefficients: c.list("ns_coefficients"),
    scale: scales[c.text("adjust_lr_fn", "original") as keyof typeof scales],
  };
}

/** The stored start and gradients; sources decay every parameter alike, and only MARS tells vectors from matrices. */
function trajectoryOf(c: GoldenCase): Trajectory {
  const names = c.names("param.").map((name) => name.slice("param.".length));
  const start = names.map((name) => {
    const { shape } = c.stored[`param.${name}`]!;
    const role = shape.length < 2 && c.component === "mars" ? ("vector" as const) : ("matrix" as const);
    return [name, { shape, role, values: c.values(`param.${name}`) }] as const;
  });
  const size = (name: string) => sizeOf(c.stored[`param.${name}`]!.shape);
  const at = (stored: string, { name, t }: { name: string; t: number }) =>
    c.values(stored).slice((t - 1) * size(name), t * size(name));
  return {
    start: Object.fromEntries(start),
    steps: c.stored[`in.${names[0]!}`]!.shape[0]!,
    gradient: (name, t) => at(`in.${name}`, { name, t }),
    ...(c.component === "sophia" && { written: (name, t) => ({ curvature: at(`in.hessian_${name}`, { name, t }) }) }),
  };
}

function compute(c: GoldenCase): Computed {
  const given = settings[c.component]!(c);
  if (typeof given === "string") return given;
  const steps = replay(optimizerSchema.parse({ decayAll: true, clipNorm: null, ...given }), trajectoryOf(c));
  const joined = (name: string, slot: string) => steps.flatMap((step) => [...step[name]![slot]!]);
  const results = c.names("out.").map((name) => name.slice("out.".length));
  return Object.fromEntries(
    results.map((name) => [
      `out.${name}`,
      name.endsWith("_eval") ? joined(name.replace("_eval", ""), "x") : joined(name, "p"),
    ]),
  );
}

export const adapters: readonly GoldenAdapter[] = Object.keys(settings).map((component) => ({
  kind: "optim",
  component,
  compute,
}));
