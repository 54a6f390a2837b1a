import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { fail } from "../../src/tensor/index.ts";

/** Where the settings of every benched model are written; the Python peer reads the same file. */
export const modelsFile = fileURLToPath(new URL("./models.json", import.meta.url));

const settings = z.strictObject({
  family: z.enum(["gpt", "lstm", "mamba", "mamba2", "gated-deltanet"]),
  layers: z.int().positive(),
  heads: z.int().positive(),
  width: z.int().positive(),
  context: z.int().positive().describe("tokens per sequence"),
  batch: z.int().positive().describe("sequences per step"),
  vocabulary: z.int().positive(),
  params: z.array(z.int().positive()).nonempty().describe("parameter counts that are the same model"),
  steps: z.int().positive().describe("measured steps per round"),
  startRatio: z
    .number()
    .positive()
    .default(0.15)
    .describe("how far the first loss may lie from that of a uniform guess: initial weights differ between libraries"),
});

/** Settings of one benched model. An LSTM may count one bias vector per gate or, as in PyTorch, two that are added. */
export type ModelSettings = z.infer<typeof settings> & { name: string };

/** Every benched model, in the order in which they are run. */
export function benchModels(): ModelSettings[] {
  const entries = z.record(z.string(), settings).parse(JSON.parse(readFileSync(modelsFile, "utf8")));
  return Object.entries(entries).map(([name, model]) => ({ ...model, name }));
}

/** The named model, or a complaint that lists the names there are. */
export function benchModel(name: string): ModelSettings {
  const models = benchModels();
  return (
    models.find((model) => model.name === name) ??
    fail({
      code: "E_BENCH_MODEL",
      where: "--models",
      expected: `some of ${models.map((model) => model.name).join(", ")}`,
      got: JSON.stringify(name),
    })
  );
}
