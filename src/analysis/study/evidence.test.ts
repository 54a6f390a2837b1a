/** What the committed evidence of the studies says of the rows. Missing evidence, and that of another protocol, fails. */
import { describe, expect, test } from "vitest";
import { staleStudies, studyEvidence } from "../../../scripts/evidence/studies.ts";
import {
  figureOf,
  groupsOf,
  type MeasureName,
  measures,
  type StudyResult,
  shippedStudies,
  type Verdict,
} from "./index.ts";

function evidence(name: string): StudyResult {
  const found = studyEvidence(name);
  if (found === undefined) throw new Error(`no evidence for the protocol of ${name}: npm run evidence -- ${name}`);
  return found;
}

/** Mean over seeds, by the levels' labels joined. */
function means(name: string, measure: MeasureName, test?: string): Record<string, number> {
  const groups = groupsOf(evidence(name).cells);
  return Object.fromEntries(
    groups.map((group) => [Object.values(group.levels).join(", "), figureOf(group, measure, test)?.mean ?? Number.NaN]),
  );
}

const seedsOf = (name: string): Verdict["holds"][] => evidence(name).verdicts.map(({ holds }) => holds);
/** Every combination has a figure with its spread over three seeds. */
function expectSpread(
  name: string,
  measure: MeasureName,
  options: { but?: readonly string[]; test?: string } = {},
): void {
  for (const group of groupsOf(evidence(name).cells)) {
    if (options.but?.some((label) => Object.values(group.levels).includes(label))) continue;
    expect(figureOf(group, measure, options.test), JSON.stringify(group.levels)).toMatchObject({ n: 3 });
  }
}

/** All that have parameters have so many, within 3 %. */
function expectParameters(name: string, count: number): void {
  const found = Object.values(means(name, "parameters")).filter((parameters) => parameters > 0);
  expect(found.length).toBeGreaterThan(1);
  for (const parameters of found) expect(Math.abs(parameters / count - 1)).toBeLessThan(0.03);
}

test("every shipped study has evidence for its protocol", () => {
  expect(staleStudies()).toEqual([]);
});

describe.each(shippedStudies())("%s", (name) => {
  test("has all of its cells, at least three seeds, and a date", () => {
    const { study, protocol, cells } = evidence(name);
    expect(protocol.seeds).toBeGreaterThanOrEqual(3);
    expect(protocol.date).toMatch(/^\d{4}-\d{2}-\d{2}T/);
    const groups = groupsOf(cells);
    const levels = study.factors.map((factor) => factor.levels.length);
    const combinations =
      study.design === "product"
        ? levels.reduce((product, count) => product * count, 1)
        : 1 + levels.reduce((sum, count) => sum + count - 1, 0);
    expect(groups).toHaveLength(combinations);
    for (const group of groups) expect(group.cells).toHaveLength(protocol.seeds);
  });
});

test("[first-exp-1] two layers of two heads copy and reverse at least 99 % and add at least 95 % of unseen examples exactly, in every seed; each trains in minutes", () => {
  expect(seedsOf("first-experiment")).toEqual(["all", "all", "all"]);
  const exact = means("first-experiment", "exactMatch");
  for (const task of ["copy", "reversal"]) expect(exact[task]).toBeGreaterThanOrEqual(0.99);
  expect(exact["addition"]).toBeGreaterThanOrEqual(0.95);
  for (const { result } of evidence("first-experiment").cells) expect(result.seconds).toBeLessThan(300);
});

test("[first-exp-2] eight layers: at a high rate the area under the loss curve is smaller with layer normalization in at least 2 of 3 seeds", () => {
  const high = evidence("layer-norm").verdicts.filter(({ text }) => text.startsWith("At a rate of 0.03"));
  expect(high).toHaveLength(2);
  for (const { seeds } of high) expect(seeds.hold / seeds.of).toBeGreaterThanOrEqual(2 / 3);
  expectSpread("layer-norm", "trainLoss");
});

test("[first-exp-3] accuracy and distance of heads for 1, 2, 4 and 8 heads, with spread", () => {
  expectSpread("heads", "accuracy");
  const distance = means("heads", "headDistance");
  expect(distance["1"]).toBe(0);
  for (const heads of ["2", "4", "8"]) expect(distance[heads]).toBeGreaterThan(0.05);
});

test("[attn-4-variants] accuracies of four scorers with spread; parameters differ by exactly what a scorer has", () => {
  expectSpread("scorers", "accuracy");
  const parameters = means("scorers", "parameters");
  // Two layers, d_k = 256: w of d_k for additive (its W₁ and W₂ are those of queries and keys), W of d_k² for bilinear.
  expect(parameters["additive"]! - parameters["plain dot"]!).toBe(2 * 256);
  expect(parameters["bilinear"]! - parameters["plain dot"]!).toBe(2 * 256 ** 2);
  expect(parameters["scaled dot"]).toBe(parameters["plain dot"]);
});

test("[sqrt-dk-scale] without the scale weights are concentrated and the loss is higher, in every seed", () => {
  expect(seedsOf("sqrt-dk-scale")).toEqual(["all", "all"]);
});

test("[attn-saturation-probe] the entropy of attention drops when the scale is removed", () => {
  const entropy = means("sqrt-dk-scale", "entropy");
  for (const size of ["16", "256"]) expect(entropy[`1, ${size}`]).toBeLessThan(0.5 * entropy[`1/√d_k, ${size}`]!);
});

test("[mha-heads-ablation] losses by number of heads over three seeds, and in how many one head loses more", () => {
  expectSpread("table-3", "bits");
  expectSpread("table-3", "phonemeErrors");
  expect(evidence("table-3").verdicts[0]!.seeds.of).toBe(3);
});

test("[warmup-necessity] post-norm fails without a warm-up where it trains with one, and pre-norm trains without", () => {
  expect(seedsOf("warmup")).toEqual(["all", "all", "all"]);
});

test("[residual-none] 24 layers without residual sums learn no more than frequencies, with norms and without", () => {
  expect(means("residual", "failed")).toMatchObject({ "none, pre, 24": 1, "none, none, 24": 1 });
});

test("[residual-add] 24 layers with residual sums train, with norms and without", () => {
  expect(means("residual", "failed")).toMatchObject({ "add, pre, 24": 0, "add, none, 24": 0 });
});

test("[grad-diagnostics] without residual sums the gradients of first and last layer part with depth, with them they do not", () => {
  const ratio = means("residual", "gradientRatio");
  expect(ratio["none, none, 24"]).toBeLessThan(1e-3 * ratio["none, none, 6"]!);
  expect(ratio["none, none, 6"]).toBeLessThan(1e-3 * ratio["none, none, 2"]!);
  for (const norms of ["pre", "none"])
    expect(Math.abs(Math.log(ratio[`add, ${norms}, 24`]!))).toBeLessThan(Math.log(3));
});

test("[length-extrapolation] losses at n, 2n and 4n for every scheme; learned positions end at n", () => {
  for (const at of ["n = 32", "2n", "4n"]) expectSpread("length-extrapolation", "bits", { test: at, but: ["learned"] });
  expect(means("length-extrapolation", "bits", "2n")["learned"]).toBeNaN();
  expect(evidence("length-extrapolation").verdicts.every(({ seeds }) => seeds.of === 3)).toBe(true);
});

test("[tradeoff-window-cost] recall breaks off where the receptive field of the windows ends; FLOPs are counted", () => {
  expect(seedsOf("window-cost")).toEqual(["all", "all", "all"]);
  for (const flops of Object.values(means("window-cost", "flopsPerToken"))) expect(flops).toBeGreaterThan(1e5);
});

test("[tradeoff-depth-width] losses of 1 to 8 layers with equal parameters, with spread", () => {
  expectSpread("depth-width", "bits");
  for (const parameters of Object.values(means("depth-width", "parameters")))
    expect(Math.abs(parameters / 60_000 - 1)).toBeLessThan(0.03);
});

test("[tradeoff-data-compute] on little text more steps overfit, on much they help", () => {
  expect(seedsOf("data-compute")).toEqual(["all", "all"]);
});

test("[four-patterns-experiment] effects of four patterns and their interactions, with intervals", () => {
  const { effects, cells } = evidence("four-patterns");
  expect(cells).toHaveLength(48);
  for (const { measure, effects: found } of effects) {
    expect(measures).toHaveProperty(measure);
    expect(found).toHaveLength(4 + 6);
    for (const { value, low, high } of found) expect(low < value && value < high).toBe(true);
  }
});

test("[multimodal-ablation] words and points: nets shared, own, and own with as many parameters in all, for both embeddings, with spread", () => {
  expect(evidence("multimodal-ablation").cells).toHaveLength(2 * 3 * 3);
  for (const measure of ["accuracy", "bits"] as const) expectSpread("multimodal-ablation", measure);
  const parameters = means("multimodal-ablation", "parameters");
  // Two layers, nets of 128 or 2 · 64 units over a width of 32; the second net has an offset of 32 of its own.
  const shared = 2 * (2 * 32 * 128 + 128 + 32);
  for (const points of ["table", "coordinates"]) {
    expect(parameters[`${points}, own`]! - parameters[`${points}, shared`]!).toBe(shared);
    expect(parameters[`${points}, own, half as wide`]! - parameters[`${points}, shared`]!).toBe(2 * 32);
  }
  // 225 points of 32 numbers, or 2 · 7 features and an offset.
  expect(parameters["table, shared"]! - parameters["coordinates, shared"]!).toBe((225 - 15) * 32);
  expect(seedsOf("multimodal-ablation")[0]).toBe("all");
});

test("[in-context-learning] two layers of attention alone learn induction, one does not, in minutes", () => {
  expect(seedsOf("induction")).toEqual(["all", "all"]);
  for (const { result } of evidence("induction").cells) expect(result.seconds).toBeLessThan(300);
});

test("[open-q-ssm-vs-transformer] language modelling, recall, copying and state tracking at equal parameters, with spread", () => {
  expectSpread("equal-budget", "bits", { but: ["masked diffusion"] });
  expectParameters("equal-budget", 40_000);
  const accuracy = means("equal-budget", "accuracy");
  expect(accuracy["state tracking, liquid (CfC)"]).toBeGreaterThan(accuracy["state tracking, transformer"]! + 0.2);
});

test("[mamba-s6] selective copying: at least 95 % right in every seed", () => {
  const [solved] = evidence("selective-copying").verdicts;
  expect(solved!.text).toMatch(/^Mamba writes at least 95 %/);
  expect(solved!.holds).toBe("all");
});

test("[selective-copy] at least 95 % by the selective model, S4 clearly below at equal parameters, in every seed", () => {
  expect(seedsOf("selective-copying")).toEqual(["all", "all", "all"]);
  const accuracy = means("selective-copying", "accuracy");
  for (const one of ["S4, MLP", "S4, SwiGLU"]) expect(accuracy["Mamba"]! - accuracy[one]!).toBeGreaterThan(0.05);
  expectParameters("selective-copying", 40_000);
});

test("[hybrid-ssm-attn] associative recall: the hybrid at least as good as the pure state-space model in every seed, at equal parameters", () => {
  expect(seedsOf("hybrid-recall")).toEqual(["all", "all"]);
  expectParameters("hybrid-recall", 26_500);
});

test("[xlstm-stack] parity far beyond the training lengths is solved with sLSTM, not with mLSTM or attention of the same size", () => {
  expectParameters("state-tracking", 20_300);
  const accuracy = means("state-tracking", "accuracy", "40");
  expect(accuracy["parity, sLSTM"]).toBeGreaterThanOrEqual(0.95);
  for (const other of ["mLSTM", "Transformer"]) expect(accuracy[`parity, ${other}`]).toBeLessThan(0.75);
});

test("[state-tracking] RNN, LSTM and sLSTM solve long parity trained short, in every seed; the others are reported beside them, and all on the words of S₃", () => {
  const [solved, below] = evidence("state-tracking").verdicts;
  expect([solved!.holds, below!.holds]).toEqual(["all", "all"]);
  for (const test of ["5 to 10", "40"]) expectSpread("state-tracking", "accuracy", { test });
  const words = means("state-tracking", "accuracy", "40");
  for (const cell of ["RNN", "sLSTM"]) expect(words[`S₃, ${cell}`]).toBeGreaterThan(words["S₃, Transformer"]! + 0.3);
});

test("[alibi] trained on windows of 32: the loss on 64 and 128 beside sinusoidal and learned positions, the latter undefined there", () => {
  const [beside] = evidence("length-extrapolation").verdicts;
  expect(beside!.text).toContain("ALiBi is lower than with sinusoidal");
  expect(beside!.holds).toBe("all");
  for (const at of ["2n", "4n"]) {
    const bits = means("length-extrapolation", "bits", at);
    expect(bits["ALiBi"]).toBeLessThan(bits["sinusoidal"]!);
    expect(bits["learned"]).toBeNaN();
  }
});

test("[ffn-importance] the loss without feed-forward nets and with 1, 2 and 3 layers, with spread: with two it is lower than with one matrix or none, in every seed", () => {
  expectSpread("ffn-layers", "bits");
  const [none, one] = evidence("ffn-layers").verdicts;
  expect([none!.holds, one!.holds]).toEqual(["all", "all"]);
});

test("[ffn-three-layer] three blocks with nets of three layers have the matrices of seven ordinary blocks; their losses over three seeds", () => {
  const D = 32;
  // A block: 4D² of attention, norms, and nets of D² (1 layer), 8D² (2) or 24D² (3), with their offsets.
  const nets = { none: 0, 1: D * D + D, 2: 8 * D * D + 5 * D, 3: 24 * D * D + 9 * D } as const;
  const block = (layers: keyof typeof nets) => 4 * D * D + nets[layers] + (layers === "none" ? 2 : 4) * D;
  const parameters = means("ffn-layers", "parameters");
  const rest = parameters["none, 7 blocks"]! - 7 * block("none");
  for (const [label, count] of [
    ["1 layer, 7 blocks", 7 * block(1)],
    ["2 layers, 7 blocks", 7 * block(2)],
    ["3 layers, 7 blocks", 7 * block(3)],
    ["3 layers, 3 blocks", 3 * block(3)],
  ] as const)
    expect(parameters[label]).toBe(rest + count);
  expect(Math.abs(parameters["3 layers, 3 blocks"]! / parameters["2 layers, 7 blocks"]! - 1)).toBeLessThan(0.02);
  expectSpread("ffn-layers", "bits");
  expect(evidence("ffn-layers").verdicts.every(({ seeds }) => seeds.of === 3)).toBe(true);
});

test("[mudd] six layers that read chosen sums of earlier ones in four streams reach a lower loss than plain ones and than one stream, in every seed", () => {
  expect(seedsOf("dense-depth")).toEqual(["all", "all"]);
  expectSpread("dense-depth", "bits");
});

test("[ffn-redundancy] losses and phoneme errors with nets left out or shared, with spread: without those of the decoder, parameters fall by exactly these", () => {
  for (const measure of ["bits", "phonemeErrors"] as const) expectSpread("ffn-redundancy", measure);
  const D = 64;
  // A net of two layers, four times as wide, and its norm; the wide one has 16 D hidden units.
  const [net, norm] = [8 * D * D + 5 * D, 2 * D];
  const { all, ...less } = means("ffn-redundancy", "parameters");
  const saved = (label: string) => all! - less[label]!;
  expect(saved("encoder shares one")).toBe(net);
  expect(saved("none in the decoder")).toBe(2 * (net + norm));
  expect(saved("none in the encoder")).toBe(2 * (net + norm));
  expect(saved("none")).toBe(4 * (net + norm));
  // One offset instead of four, and no norms in the decoder.
  expect(saved("one wide")).toBe(3 * D + 2 * norm);
});

test("[saf] blocks in series beside parallel ones: equal parameters with norms of their own, one norm a block fewer with one; losses of the same seeds with spread", () => {
  const { series, ...parallel } = means("series-parallel", "parameters");
  expect(parallel["parallel, norms of their own"]).toBe(series);
  expect(series! - parallel["parallel, one norm"]!).toBe(4 * 2 * 48);
  expectSpread("series-parallel", "bits");
  const cells = evidence("series-parallel").cells.map(({ levels, seed }) => `${Object.values(levels)}, ${seed}`);
  expect(new Set(cells).size).toBe(3 * 3);
});

test("[transformer-rewritten-today] each of six parts swapped back alone, and all of them, over three seeds", () => {
  const bits = means("rewritten-today", "bits");
  // The base, a row for each of the six, and the one with all of them.
  expect(Object.keys(bits)).toHaveLength(1 + 6 + 1);
  expectSpread("rewritten-today", "bits");
  expect(seedsOf("rewritten-today")).toEqual(["all", "all", "all"]);
  // Gated nets have the size of those that they replace.
  const parameters = means("rewritten-today", "parameters");
  const net = (label: string) => parameters[`before, RMSNorm, RoPE, ${label}, shared, 2 of 32, as above`]!;
  expect(Math.abs(net("ReLU MLP") / net("SwiGLU") - 1)).toBeLessThan(0.01);
});

test("[associative-recall] attention recalls every value; within chunks only those of the last chunk, in every seed", () => {
  expect(seedsOf("associative-recall")).toEqual(["all", "all"]);
  const accuracy = means("associative-recall", "accuracy");
  expect(accuracy["over all"]).toBeGreaterThan(0.99);
  // Two of six pairs stand in the last chunk; of the others one value in four is guessed.
  expect(Math.abs(accuracy["within chunks"]! - (1 / 3 + 2 / 3 / 4))).toBeLessThan(0.05);
  expectSpread("associative-recall", "accuracy");
});
