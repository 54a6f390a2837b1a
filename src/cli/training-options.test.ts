import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { optimizers, schedules } from "../train/index.ts";
import { type TrainingArguments, trainingSettings } from "./training-options.ts";

const folder = mkdtempSync(join(tmpdir(), "seqlab-training-"));
afterAll(() => rmSync(folder, { recursive: true }));

const trainingOf = (args: Partial<TrainingArguments>) => trainingSettings({ engine: "node", ...args }).training;

function fileOf(text: string): string {
  const path = join(folder, "training.yaml");
  writeFileSync(path, text);
  return path;
}

test("nothing typed leaves the defaults", () => {
  expect(trainingOf({})).toMatchObject({
    ...{ batch: 16, length: 128, accumulate: 1, rematerialise: "none", nonFinite: "stop" },
    optimizer: { kind: "adamw", learningRate: 3e-3 },
    schedule: { kind: "cosine" },
  });
});

test.each([...optimizers.keys()])("the optimizer %s has its own step size unless one is typed", (kind) => {
  const plain = trainingOf({ optimizer: kind }).optimizer;
  expect(plain.kind).toBe(kind);
  expect(trainingOf({ optimizer: kind, "learning-rate": "0.5" }).optimizer).toEqual({ ...plain, learningRate: 0.5 });
});

test.each([...schedules.keys()])("the schedule %s", (kind) => {
  const needed: Readonly<Record<string, string>> = { multistep: "milestones=[2]", step: "every=10" };
  expect(trainingOf({ schedule: kind, "schedule-options": needed[kind] }).schedule.kind).toBe(kind);
});

test("settings of parts are typed as pairs or as JSON", () => {
  const typed = "beta1=0.95, roles.embedding.rateRatio=0.1,roles.gain.weightDecay=0,clipNorm=null,decay=coupled";
  const pairs = trainingOf({ optimizer: "adamw", "optimizer-options": typed, ema: "0.999" }).optimizer;
  expect(pairs).toMatchObject({ beta1: 0.95, clipNorm: null, decay: "coupled", ema: 0.999 });
  expect(pairs.roles).toEqual({
    embedding: { rateRatio: 0.1, weightDecay: null },
    gain: { rateRatio: 1, weightDecay: 0 },
  });
  expect(trainingOf({ "optimizer-options": '{"beta1":0.95,"ema":"mean"}' }).optimizer).toMatchObject({
    beta1: 0.95,
    ema: "mean",
  });
});

test("precision, loss scale, accumulation, rematerialisation", () => {
  expect(trainingOf({ precision: "bf16" }).precision).toEqual({
    ...{ parameters: "bf16", master: true, activations: "bf16", gradients: "bf16", moments: "f32" },
  });
  expect(trainingOf({ precision: "e4m3" }).precision).toMatchObject({ activations: "e4m3", gradients: "e5m2" });
  expect(trainingOf({ precision: "moments=e5m2,master=false" }).precision).toMatchObject({
    parameters: "f32",
    moments: "e5m2",
    master: false,
  });
  expect(trainingOf({ "loss-scale": "dynamic" }).lossScale).toMatchObject({ kind: "dynamic", first: 65_536 });
  expect(trainingOf({ "loss-scale": "512" }).lossScale).toEqual({ kind: "fixed", scale: 512 });
  expect(trainingOf({ accumulate: "4", remat: "full", "non-finite": "skip" })).toMatchObject({
    ...{ accumulate: 4, rematerialise: "full", nonFinite: "skip" },
  });
});

describe("a file", () => {
  const text = "training:\n  batch: 32\n  rematerialise: selective\n  optimizer: { kind: lion, beta1: 0.8 }\n";

  test("gives settings that typed ones go before", () => {
    const training = fileOf(text);
    expect(trainingOf({ training })).toMatchObject({
      batch: 32,
      rematerialise: "selective",
      optimizer: { kind: "lion", beta1: 0.8 },
    });
    const typed = trainingOf({ training, batch: "8", "optimizer-options": "beta2=0.7" });
    expect(typed).toMatchObject({ batch: 8, optimizer: { kind: "lion", beta1: 0.8, beta2: 0.7 } });
  });

  test("loses its optimizer's settings where another optimizer is typed", () => {
    expect(trainingOf({ training: fileOf(text), optimizer: "adam" }).optimizer).toEqual(
      trainingOf({ optimizer: "adam" }).optimizer,
    );
  });

  test("may be the section itself, as JSON", () => {
    expect(trainingOf({ training: fileOf('{"length": 64}') }).length).toBe(64);
  });

  test.each([
    ["a: 1", /training\.yaml: .*a.*\[E_TRAINING_FILE\]$/],
    ["batch: many", /training\.yaml\.batch: expected number, .*\[E_TRAINING_FILE\]$/],
    ["- 1", /expected settings of a training by name.*\[E_TRAINING_FILE\]$/],
    ["a: [", /\[E_SPEC_TEXT\]$/],
  ])("with %s is refused", (content, message) => {
    expect(() => trainingOf({ training: fileOf(content) })).toThrow(message);
  });

  test("that is not there", () => {
    expect(() => trainingOf({ training: join(folder, "none.json") })).toThrow(
      /none\.json: expected a file.*\[E_TRAINING_FILE\]$/,
    );
  });
});

describe("what is typed wrongly", () => {
  const wrong: [Partial<TrainingArguments>, RegExp][] = [
    [{ optimizer: "adamm" }, /--optimizer: expected one of adamw, .*, got "adamm"\. Did you mean adam.*\[E_OPTION\]$/],
    [{ schedule: "cosin" }, /--schedule: .*Did you mean cosine\? \[E_OPTION\]$/],
    [{ "optimizer-options": "beta1" }, /--optimizer-options: expected key=value.*got "beta1"\. \[E_OPTION\]$/],
    [{ "optimizer-options": "{" }, /--optimizer-options: expected key=value,key=value or a JSON object/],
    [{ "optimizer-options": "beta1=2" }, /options\.optimizer\.beta1: .*\[E_OPTION\]$/],
    [{ "optimizer-options": "betta=0.5" }, /options\.optimizer: .*betta.*\[E_OPTION\]$/],
    [{ precision: "bf17" }, /--precision: .*Did you mean bf16\? \[E_OPTION\]$/],
    [{ "loss-scale": "-1" }, /--loss-scale: expected a number above 0/],
    [{ remat: "all" }, /--remat: expected one of none, selective, full, got "all"/],
    [{ accumulate: "0" }, /--accumulate: expected a whole number from 1/],
    [{ ema: "2" }, /--ema: expected a number above 0 to 1, got "2"/],
  ];
  test.each(wrong)("%j", (args, message) => {
    expect(() => trainingOf(args)).toThrow(message);
  });
});
