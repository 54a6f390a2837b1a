/** A study as data: what is held fixed, what varies, what is measured, and what it is to show. */
import { z } from "zod";
import { sizeMeasures } from "../comparison/settings.ts";
import { measureNames } from "./measures.ts";

const json = z.json();
/** Values by path: `spec.layers.*.mixer.heads`, `training.steps`, `data.settings.symbols`. */
const changes = z.record(z.string().regex(/^(spec|training|data|tests)(\.|$)/), json);

const lengths = z.strictObject({ least: z.int().positive(), most: z.int().positive() });

export const studyData = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("synthetic"),
    task: z.string(),
    settings: z.record(z.string(), json).default({}),
    /** Lengths of the training examples, as the task counts them. */
    lengths: lengths.exactOptional(),
    testLengths: lengths.exactOptional(),
  }),
  z.strictObject({
    kind: z.literal("text"),
    /** `builtin`, or a file. */
    source: z.string().default("builtin"),
    tokenizer: z.enum(["byte", "char"]).default("char"),
    /** Only so many characters of the training part. */
    trainCharacters: z.int().positive().exactOptional(),
    /** Only so many characters of the validation part. */
    testCharacters: z.int().positive().exactOptional(),
  }),
  z.strictObject({ kind: z.literal("g2p") }),
]);
export type StudyData = z.output<typeof studyData>;

/** One way to test what was trained: a label, and what differs from the data's own test part. */
const test = z.strictObject({
  label: z.string(),
  /** Lengths of a synthetic task's test examples. */
  lengths: lengths.exactOptional(),
  /** Tokens of a text's windows. */
  window: z.int().positive().exactOptional(),
});
export type StudyTest = z.output<typeof test>;

const level = z.strictObject({ label: z.string(), set: changes });

const factor = z.union([
  z.strictObject({ name: z.string(), levels: z.array(level).min(2) }),
  z
    .strictObject({ name: z.string(), path: z.string(), values: z.array(z.union([z.number(), z.string()])).min(2) })
    .transform(({ name, path, values }) => ({
      name,
      levels: values.map((value) => ({
        label: String(value),
        set: { [path]: value } as Record<string, z.core.util.JSONType>,
      })),
    })),
]);
export type Factor = z.output<typeof factor>;

/** Cells of a claim: a label a factor, or several; factors left out may have any. */
const selector = z.record(z.string(), z.union([z.string(), z.array(z.string())]));
export type Selector = z.output<typeof selector>;

const measured = {
  text: z.string(),
  measure: z.enum(measureNames),
  /** Label of the test, where there are several; default: the first. */
  test: z.string().exactOptional(),
};
const claim = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("lower"),
    ...measured,
    of: selector,
    than: selector,
    /** What stands for several cells of a seed. */
    ofIs: z.enum(["mean", "least", "greatest"]).default("mean"),
    thanIs: z.enum(["mean", "least", "greatest"]).default("mean"),
  }),
  z.strictObject({ kind: z.literal("at-least"), ...measured, of: selector, value: z.number() }),
  z.strictObject({ kind: z.literal("at-most"), ...measured, of: selector, value: z.number() }),
]);
export type Claim = z.output<typeof claim>;

const figure = z.strictObject({
  title: z.string(),
  /** Factor along the axis; `step` draws training curves, `test` goes over the tests. */
  x: z.string(),
  measure: z.enum(measureNames).default("trainLoss"),
  /** Factor that tells lines apart. */
  lines: z.string().exactOptional(),
  /** Only these cells. */
  where: selector.default({}),
});
export type StudyFigure = z.output<typeof figure>;

export const studySchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/),
  title: z.string(),
  /** What it is to find out, and where the question comes from. */
  question: z.string(),
  spec: json.describe("a spec, or the name of a shipped one"),
  training: z.record(z.string(), json),
  data: json,
  /** product: every combination; one-at-a-time: the base, and each level alone. */
  design: z.enum(["product", "one-at-a-time"]).default("product"),
  factors: z.array(factor).min(1),
  seeds: z.int().positive().default(3),
  size: z.strictObject({ measure: z.enum(sizeMeasures), value: z.number().positive() }).exactOptional(),
  /** Test examples of synthetic tasks; windows of texts. */
  examples: z.int().positive().default(256),
  tests: z
    .array(test)
    .min(1)
    .default([{ label: "test" }]),
  probes: z.array(z.enum(["attention", "gradients"])).default([]),
  measures: z.array(z.enum(measureNames)).min(1),
  /** Main effects and interactions of factors with two levels each, with 95 % intervals. */
  effects: z.array(z.enum(measureNames)).default([]),
  claims: z.array(claim).default([]),
  figures: z.array(figure).default([]),
  larger: z
    .strictObject({
      /** Factor on every cell's training steps. */
      steps: z.number().positive().default(1),
      seeds: z.int().positive().exactOptional(),
      set: changes.default({}),
    })
    .prefault({ steps: 8 }),
});
export type Study = z.output<typeof studySchema>;
