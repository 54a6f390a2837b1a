import { describe, expect, test } from "vitest";
import { parameterCount } from "../../src/model/index.ts";
import { buildSpec, canonicalSpec, loadSpec, shippedSpecs } from "../../src/spec/index.ts";
import { publishedModels } from "./published.ts";
import { comparison, evaluate, total } from "./published-model.ts";

const built = (name: string) => buildSpec(loadSpec(`published/${name}`), { tokens: publishedModels[name]!.tokens });
const parameters = (name: string): number => parameterCount(built(name).model.parameters);

test("every published spec stands in the table", () => {
  expect(shippedSpecs("published")).toEqual(
    Object.keys(publishedModels)
      .map((name) => `published/${name}`)
      .sort(),
  );
});

describe.each(Object.entries(publishedModels))("published/%s", (name, published) => {
  test("has the parameters that the table says", () => {
    expect(parameters(name)).toBe(published.parameters);
  });

  const { checkpoint, figure, formula, differences } = published;
  if (checkpoint !== undefined)
    test("equals the public checkpoint to the last parameter, but for the differences that the table names", () => {
      expect(published.parameters + total(differences)).toBe(checkpoint);
    });
  else
    test("is the sum of the printed terms, near what the paper prints", () => {
      expect(total(formula)).toBe(published.parameters);
      if (figure) expect(Math.abs(comparison(published)!.gap), figure.text).toBeLessThan(0.07);
      else expect(published.note).toMatch(/^the paper (prints no count|has)/);
    });
});

test("[transformer-base] 63,082,496 parameters with one table of 37,000 ids, 3.0 % below the paper's 65M", () => {
  expect(parameters("transformer-base")).toBe(63_082_496);
  expect(comparison(publishedModels["transformer-base"]!)!.gap).toBeCloseTo(-0.0295, 4);
  const { model } = buildSpec(loadSpec("published/transformer-base"), { tokens: 39_998 });
  expect(parameterCount(model.parameters)).toBe(64_618_496);
  const text = JSON.stringify(loadSpec("published/transformer-base"));
  const bare = canonicalSpec(JSON.parse(text.replaceAll('"bias":true,"outBias":true', '"bias":false')));
  expect(parameterCount(buildSpec(bare, { tokens: 36_998 }).model.parameters)).toBe(63_045_632);
});

test("[transformer-big] 214,245,376 parameters with one table of 37,000 ids, 209.1M with 32,000", () => {
  expect(parameters("transformer-big")).toBe(214_245_376);
  const { model } = buildSpec(loadSpec("published/transformer-big"), { tokens: 31_998 });
  expect(parameterCount(model.parameters)).toBe(209_125_376);
});

test("[enc-dec-transformer] six layers on either side, with the count of the printed terms", () => {
  const { encoder, layers } = loadSpec("published/transformer-base");
  expect([encoder!.layers.length, layers.length]).toEqual([6, 6]);
  expect(total(publishedModels["transformer-base"]!.formula)).toBe(parameters("transformer-base"));
});

test("[gpt-1-2-3] GPT-2 small has 124,439,808 parameters, GPT-3 175 billion", () => {
  expect(parameters("gpt-1")).toBe(116_534_784);
  expect(parameters("gpt-2")).toBe(124_439_808);
  expect(parameters("gpt-3") / 1e9).toBeCloseTo(174.6, 1);
});

test("[llama] Llama 2 7B has 6,738,415,616 parameters", () => {
  expect(parameters("llama")).toBe(6_738_415_616);
});

test("[bert] BERT base has 109.48M parameters with its pooler, segments and without the head", () => {
  expect(parameters("bert") + total(publishedModels["bert"]!.differences)).toBe(109_482_240);
});

test("[t5] T5 small has 60.5M parameters", () => {
  expect(parameters("t5") / 1e6).toBeCloseTo(60.5, 1);
});

test("[gpt-neox-qwen] parallel layers with partly rotated heads, and normed queries and keys", () => {
  const [neox, qwen] = [loadSpec("published/gpt-neox"), loadSpec("published/qwen")];
  expect(neox.layers.every(({ wiring }) => wiring === "parallel-norms")).toBe(true);
  expect(parameters("gpt-neox")).toBe(20_554_567_680);
  expect(qwen.layers[0]!.mixer["qkNorm"]).toBe("rms");
  expect(parameters("qwen")).toBe(596_049_920);
});

test("[vit] ViT-B/16 has 86.6M parameters", () => {
  expect(parameters("vit")).toBe(86_567_656);
});

test("[gnmt] residual sums from the third layer on, and the count of the printed terms", () => {
  const { encoder, layers } = loadSpec("published/gnmt");
  expect(encoder!.layers.map(({ residual }) => residual.kind)).toEqual(["none", "none", ...Array(6).fill("add")]);
  expect(layers[1]!.residual.kind).toBe("none");
  expect(layers.slice(2).every(({ residual }) => residual.kind === "add")).toBe(true);
  expect(total(publishedModels["gnmt"]!.formula)).toBe(parameters("gnmt"));
});

test("active parameters of mixtures are those of the experts that serve a token", () => {
  const active = (name: string) => built(name).model.activeParameters;
  expect(active("mixtral") / 1e9).toBeCloseTo(12.88, 2);
  expect(active("deepseek-v3") / 1e9).toBeCloseTo(37.55, 1);
});

test("printed arithmetic is what it says, and nothing else", () => {
  expect(evaluate("2·(3² + 4)/2 - 1")).toBe(12);
  expect(() => evaluate("process.exit()")).toThrow(/expected numbers/);
});
