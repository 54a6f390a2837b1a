/** Learning-rate tables of PyTorch and transformers. Adapters map their settings to ours; both count steps from 0. */
import type { Absent, Computed, GoldenAdapter, GoldenCase } from "../../testing/goldens/index.ts";
import { oneCycleValue } from "./one-cycle.ts";
import { plateauFactors, plateauSchema } from "./plateau.ts";
import { type ScheduleInput, scheduleFactor, scheduleSchema } from "./registry.ts";

/** A schedule, and the length of the run that it is told. */
interface Mapped {
  schedule: ScheduleInput;
  steps: number;
}

const none = { warmupSteps: 0, firstStep: 0 } as const;
/** A rise from 0 over the first steps. */
const warmup = (c: GoldenCase) => ({ warmupSteps: c.number("num_warmup_steps"), firstStep: 0 as const });
const length = (c: GoldenCase) => c.number("num_training_steps");
const relative = (c: GoldenCase, key: string) => c.number(key, 0) / c.number("lr");
const endless = Number.MAX_SAFE_INTEGER;

const mappings: Readonly<Record<string, (c: GoldenCase) => Mapped>> = {
  constant: (c) => ({
    schedule: {
      kind: "constant",
      firstStep: 0,
      warmupSteps: c.number("total_iters"),
      warmupFrom: c.number("factor"),
      warmupShape: "constant",
    },
    steps: endless,
  }),
  linear: (c) => ({
    schedule: {
      kind: "constant",
      firstStep: 0,
      warmupSteps: c.number("total_iters"),
      warmupFrom: c.number("start_factor"),
    },
    steps: endless,
  }),
  cosine_annealing: (c) => ({
    schedule: { kind: "cosine", ...none, floorRatio: relative(c, "eta_min") },
    steps: c.number("T_max"),
  }),
  cosine_warm_restarts: (c) => ({
    schedule: {
      kind: "cosine-restarts",
      ...none,
      floorRatio: relative(c, "eta_min"),
      period: c.number("T_0"),
      multiplier: c.number("T_mult"),
    },
    steps: endless,
  }),
  cyclic: (c) => ({
    schedule: {
      kind: "cyclic",
      floorRatio: c.number("base_lr") / c.number("max_lr"),
      upSteps: c.number("step_size_up"),
      downSteps: c.number("step_size_down", c.number("step_size_up")),
      mode: c.text("mode") as "triangular" | "triangular2",
      gamma: c.number("gamma"),
    },
    steps: endless,
  }),
  exponential: (c) => ({ schedule: { kind: "exponential", gamma: c.number("gamma") }, steps: endless }),
  multistep: (c) => ({
    schedule: { kind: "multistep", gamma: c.number("gamma"), milestones: c.list("milestones") },
    steps: endless,
  }),
  step: (c) => ({ schedule: { kind: "step", gamma: c.number("gamma"), every: c.number("step_size") }, steps: endless }),
  one_cycle: (c) => ({ schedule: oneCycle(c), steps: c.number("total_steps") }),
  polynomial: (c) => ({
    schedule: { kind: "polynomial", ...none, power: c.number("power") },
    steps: c.number("total_iters"),
  }),
  sequential_linear_cosine: (c) => ({
    schedule: {
      kind: "cosine",
      firstStep: 0,
      warmupSteps: c.number("warmup"),
      warmupFrom: c.number("start_factor"),
      floorRatio: relative(c, "eta_min"),
    },
    steps: c.number("warmup") + c.number("T_max"),
  }),
  swa_lr: (c) => ({
    schedule: {
      kind: "warmup-stable-decay",
      ...none,
      floorRatio: relative(c, "swa_lr"),
      decaySteps: c.number("anneal_epochs"),
      decayShape: c.text("anneal_strategy") === "cos" ? "cosine" : "linear",
    },
    steps: c.number("anneal_epochs"),
  }),
  constant_schedule_with_warmup: (c) => ({ schedule: { kind: "constant", ...warmup(c) }, steps: endless }),
  linear_schedule_with_warmup: (c) => ({ schedule: { kind: "linear", ...warmup(c), floorRatio: 0 }, steps: length(c) }),
  cosine_schedule_with_warmup: (c) => ({
    schedule: { kind: "cosine", ...warmup(c), floorRatio: 0, cycles: c.number("num_cycles") },
    steps: length(c),
  }),
  cosine_with_hard_restarts_schedule_with_warmup: (c) => ({
    schedule: { kind: "cosine-restarts", ...warmup(c), cycles: c.number("num_cycles") },
    steps: length(c),
  }),
  cosine_with_min_lr_schedule_with_warmup: (c) => ({
    schedule: { kind: "cosine", ...warmup(c), cycles: c.number("num_cycles"), floorRatio: relative(c, "min_lr") },
    steps: length(c),
  }),
  // Counts from 1; its warm-up is the line through its first rate and the peak.
  cosine_with_min_lr_schedule_with_warmup_lr_rate: (c) => ({
    schedule: {
      kind: "cosine",
      warmupSteps: c.number("num_warmup_steps"),
      warmupFrom: c.number("warmup_lr_rate") - (1 - c.number("warmup_lr_rate")) / (c.number("num_warmup_steps") - 1),
      cycles: c.number("num_cycles"),
      floorRatio: c.number("min_lr_rate"),
    },
    steps: length(c),
  }),
  polynomial_decay_schedule_with_warmup: (c) => ({
    schedule: { kind: "polynomial", ...warmup(c), power: c.number("power"), floorRatio: relative(c, "lr_end") },
    steps: length(c),
  }),
  inverse_sqrt_schedule: (c) => ({
    schedule: { kind: "inverse-sqrt", ...warmup(c), timescale: (c.config["timescale"] as number | undefined) ?? null },
    steps: endless,
  }),
  wsd_schedule: wsd,
};

function wsd(c: GoldenCase): Mapped {
  const shapes = { linear: "linear", cosine: "cosine", "1-sqrt": "one-minus-sqrt" } as const;
  const [warmupSteps, decaySteps] = [c.number("num_warmup_steps"), c.number("num_decay_steps")];
  const stable = c.number("num_stable_steps", c.number("num_training_steps", 0) - warmupSteps - decaySteps);
  const schedule: ScheduleInput = {
    kind: "warmup-stable-decay",
    ...warmup(c),
    warmupFrom: c.number("min_lr_ratio"),
    warmupShape: shapes[c.text("warmup_type") as keyof typeof shapes],
    decaySteps,
    decayShape: shapes[c.text("decay_type") as keyof typeof shapes],
    floorRatio: c.number("min_lr_ratio"),
  };
  return { schedule, steps: warmupSteps + stable + decaySteps };
}

function oneCycle(c: GoldenCase): ScheduleInput & { kind: "one-cycle" } {
  const startRatio = 1 / c.number("div_factor");
  return {
    kind: "one-cycle",
    riseRatio: c.number("pct_start"),
    startRatio,
    endRatio: startRatio / c.number("final_div_factor"),
    shape: c.text("anneal_strategy") === "cos" ? "cosine" : "linear",
    phases: c.flag("three_phase") ? 3 : 2,
  };
}

function compute(c: GoldenCase): Computed | Absent {
  const { schedule, steps } = mappings[c.component]!(c);
  const parsed = scheduleSchema.parse(schedule);
  const peak = c.number("max_lr", c.number("lr"));
  const rates = c.values("out.lr").map((_, i) => peak * scheduleFactor(parsed, i, steps));
  return parsed.kind === "one-cycle"
    ? { "out.lr": rates, "out.momentum": momenta(c, parsed, steps) }
    : { "out.lr": rates };
}

/** Momentum falls while the rate rises. */
function momenta(c: GoldenCase, config: Parameters<typeof oneCycleValue>[0]["c"], steps: number): ArrayLike<number> {
  const [high, low] = [c.number("max_momentum"), c.number("base_momentum")];
  return c
    .values("out.momentum")
    .map((_, i) => oneCycleValue({ c: config, i, steps }, { start: high, peak: low, end: high }));
}

/** The source changes the rate itself, and only by more than 1e-8. */
function plateau(c: GoldenCase): Computed {
  const lr = c.number("lr");
  const config = plateauSchema.parse({
    better: c.text("mode") === "min" ? "lower" : "higher",
    factor: c.number("factor"),
    patience: c.number("patience"),
    threshold: c.number("threshold"),
    thresholdKind: c.text("threshold_mode") === "rel" ? "relative" : "absolute",
    cooldown: c.number("cooldown"),
    floorRatio: relative(c, "min_lr"),
  });
  const factors = plateauFactors(c.values("in.metric"), config);
  return { "out.lr": c.values("out.lr").map((_, i) => lr * (i === 0 ? 1 : factors[i - 1]!)) };
}

export const adapters: readonly GoldenAdapter[] = [
  ...Object.keys(mappings).map((component) => ({ kind: "schedules", component, compute })),
  { kind: "schedules", component: "reduce_on_plateau", compute: plateau },
];
