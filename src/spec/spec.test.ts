import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { parameterCount } from "../model/index.ts";
import { SeqlabError } from "../tensor/index.ts";
import { buildSpec, canonicalSpec, loadSpec, nearest, parseSpecText, type SpecInput, shippedSpecs } from "./index.ts";

const source = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../specs/${name}.json`, import.meta.url), "utf8"));

const lstm = { mixer: { kind: "lstm" } } as const;
const attention = { mixer: { kind: "attention", heads: 4 }, channel: { kind: "swiglu" } } as const;
const small = { name: "small", width: 32, layers: [attention] } as const satisfies SpecInput;

/** The message of the error that something throws. */
function messageOf(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    expect(error).toBeInstanceOf(SeqlabError);
    return (error as SeqlabError).message;
  }
  throw new Error("nothing was thrown");
}

describe.each(shippedSpecs())("specs/%s.json", (name) => {
  test("is named after its file, and builds with the layers that its canonical form lists", () => {
    const spec = loadSpec(name);
    expect(spec.name).toBe(name);
    const { model } = buildSpec(spec, { tokens: 1024 });
    expect(model.layers.length).toBe(spec.layers.length);
    expect(parameterCount(model.parameters)).toBeGreaterThan(100_000);
  });

  test("its canonical form is its own canonical form, through JSON and YAML", () => {
    const spec = loadSpec(name);
    expect(canonicalSpec(spec)).toEqual(spec);
    expect(canonicalSpec(parseSpecText(JSON.stringify(spec), name))).toEqual(spec);
    expect(canonicalSpec(parseSpecText(stringify(spec), name))).toEqual(spec);
  });

  test("YAML says the same as JSON", () => {
    const yaml = parseSpecText(stringify(source(name)), `${name}.yaml`);
    expect(canonicalSpec(yaml)).toEqual(loadSpec(name));
  });
});

describe("sugar", () => {
  test("a pattern is its parts in order", () => {
    const parts = { m: lstm, a: attention };
    const kinds = (pattern: string) =>
      canonicalSpec({ ...small, layers: { pattern, parts } }).layers.map(({ mixer }) => mixer.kind[0]);
    expect(kinds("m*3 a")).toEqual(["l", "l", "l", "a"]);
    expect(kinds("  a m  a*2 ")).toEqual(["a", "l", "a", "a"]);
    expect(kinds("m*0 a")).toEqual(["a"]);
  });

  test("a pattern and repeats that say the same have one canonical form", () => {
    const sequence = fc.array(fc.record({ name: fc.constantFrom("m", "a"), count: fc.integer({ min: 1, max: 9 }) }), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(sequence, (words) => {
        const parts = { m: lstm, a: attention };
        const pattern = words.map(({ name, count }) => `${name}*${count}`).join(" ");
        const repeats = words.map(({ name, count }) => ({ ...parts[name as "m" | "a"], repeat: count }));
        expect(canonicalSpec({ ...small, layers: { pattern, parts } })).toEqual(
          canonicalSpec({ ...small, layers: repeats }),
        );
      }),
    );
  });

  test("defaults hold for layers that do not set their own, and for the final norm", () => {
    const { layers, norm } = canonicalSpec({
      ...small,
      defaults: { norm: { kind: "layernorm" }, placement: "post" },
      layers: [lstm, { ...lstm, norm: { kind: "none" }, placement: "pre" }],
    });
    expect(layers.map((layer) => [layer.norm.kind, layer.placement])).toEqual([
      ["layernorm", "post"],
      ["none", "pre"],
    ]);
    expect(norm.kind).toBe("layernorm");
  });

  test("layers beyond a thousand are refused before they are made", () => {
    const pattern = "m*9999 ".repeat(1000);
    expect(messageOf(() => canonicalSpec({ ...small, layers: { pattern, parts: { m: lstm } } }))).toMatch(
      /^small: layers: expected 1 to 1000 layers, got 9999000\. \[E_SPEC_LAYERS\]$/,
    );
    expect(messageOf(() => canonicalSpec({ ...small, layers: { pattern: "m*0", parts: { m: lstm } } }))).toMatch(
      /got 0\. \[E_SPEC_LAYERS\]$/,
    );
  });
});

describe("messages name file, key, value, and what would work", () => {
  const wrong: [what: string, spec: unknown, message: RegExp][] = [
    ["an option", { ...small, layers: [{ mixer: { kind: "attention", headz: 4 } }] }, /^f\.yaml: layers\[0\]\.mixer: expected only known keys, got "headz"\. Did you mean "heads"\? \[E_SPEC_KEY\]$/],
    ["a key far from all", { ...small, colour: 1 }, /got "colour"\. Known: name, title, width, .*\. \[E_SPEC_KEY\]$/],
    ["a kind", { ...small, layers: [{ mixer: { kind: "mamba2" } }] }, /layers\[0\]\.mixer\.kind: expected a kind \(.*attention, .*\), got "mamba2"\. Did you mean "mamba-2"\? \[E_SPEC_KIND\]$/],
    ["a choice", { ...small, layers: [{ ...lstm, placement: "prre" }] }, /placement: expected "pre", "post", .* or "none", got "prre"\. Did you mean "pre"\? \[E_SPEC_VALUE\]$/],
    ["a type", { ...small, width: "64" }, /^f\.yaml: width: expected number, got "64"\. \[E_SPEC_TYPE\]$/],
    ["a range", { ...small, dropout: 1 }, /^f\.yaml: dropout: expected < 1, got 1\. \[E_SPEC_RANGE\]$/],
    ["a lack", { name: "a", layers: [lstm] }, /^f\.yaml: width: expected a value \(number\), got nothing\. Add "width"\. \[E_SPEC_MISSING\]$/],
    ["a name", { ...small, name: "No Name" }, /^f\.yaml: name: expected text that matches .*, got "No Name"\. \[E_SPEC_FORMAT\]$/],
    ["a pattern's word", { ...small, layers: { pattern: "mm*2", parts: { m: lstm } } }, /layers\.pattern: expected names of parts \(m\), each with an optional \*count, got "mm\*2"\. Did you mean "m"\? \[E_SPEC_PATTERN\]$/],
    ["what JSON has not", { ...small, width: 64n }, /^f\.yaml: width: expected number, got a bigint\. \[E_SPEC_TYPE\]$/],
    ["an object for a word", { ...small, layers: [{ mixer: { kind: { toString: 1 } } }] }, /mixer\.kind: expected a kind .* \[E_SPEC_KIND\]$/],
  ]; // biome-ignore format: a table
  test.each(wrong)("%s", (_, spec, message) => {
    expect(messageOf(() => canonicalSpec(spec, "f.yaml"))).toMatch(message);
  });

  test("a text says where it breaks", () => {
    expect(messageOf(() => parseSpecText('{ "name": "a",\n  "width": 8', "f.json"))).toMatch(
      /^f\.json:2:\d+: expected JSON or YAML, got .* \[E_SPEC_TEXT\]$/,
    );
    expect(messageOf(() => parseSpecText("name: a\nwidth: 8\nname: b", "f.yaml"))).toBe(
      'f.yaml:3:1: expected JSON or YAML, got the key "name" twice. [E_SPEC_TEXT]',
    );
  });

  test("an unknown file names the shipped specs, and the one that is near", () => {
    expect(messageOf(() => loadSpec("lama"))).toMatch(
      /^lama: expected a spec file, or one of cfc, .*, got no such file\. Did you mean "llama"\? \[E_SPEC_FILE\]$/,
    );
  });

  test("sizes that do not come out whole name spec and layer", () => {
    const spec = canonicalSpec({ ...small, layers: [lstm, { mixer: { kind: "attention", heads: 5 } }] });
    expect(messageOf(() => buildSpec(spec, { tokens: 300 }))).toMatch(
      /^small: layers\[1\]\.mixer: expected sizes that come out whole \(K of attention\), got K = [\d.]+ from heads 5\. Try heads 4 or \d+, or another width\. \[E_SPEC_DIVIDES\]$/,
    );
  });

  test("a component's own complaint is told with its layer", () => {
    const spec = canonicalSpec({
      ...small,
      layers: [lstm, { ...lstm, channel: { kind: "moe", experts: 4, topK: 9 } }],
    });
    expect(messageOf(() => buildSpec(spec, { tokens: 300 }))).toMatch(/^small: layers\[1\].*, got 9/);
  });
});

describe("flow", () => {
  test("a causal objective refuses the one layer that sees the future", () => {
    const spec = canonicalSpec({
      ...small,
      layers: [attention, { ...attention, mixer: { kind: "attention", causal: false } }],
    });
    expect(messageOf(() => buildSpec(spec, { tokens: 300 }))).toMatch(
      /^small: layers\[1\]\.mixer: expected a causal mixer, as the objective "next-token" requires, got attention, .* \[E_SPEC_FLOW\]$/,
    );
  });

  test("masked diffusion refuses a causal mixer", () => {
    const spec = canonicalSpec({ ...small, objective: { kind: "masked-diffusion" } });
    expect(messageOf(() => buildSpec(spec, { tokens: 300 }))).toMatch(
      /expected a bidirectional mixer, .* \[E_SPEC_FLOW\]$/,
    );
  });

  test("a refused mixer is told what it can do itself: an option that it has, both directions, or nothing", () => {
    const told = (kind: string, objective: string) => {
      const spec = canonicalSpec({
        ...small,
        layers: [{ mixer: { kind } as never }],
        objective: { kind: objective } as never,
      });
      return messageOf(() => buildSpec(spec, { tokens: 300 }));
    };
    expect(told("attention", "masked-lm")).toContain('Set "causal": false, or choose');
    expect(told("gla", "masked-lm")).toContain(
      'Run it both ways: {"kind": "bidirectional", "mixer": {"kind": "gla"}}, or',
    );
    expect(told("fnet", "next-token")).toContain("Choose another mixer, or choose");
    const both = canonicalSpec({
      ...small,
      layers: [{ mixer: { kind: "bidirectional", mixer: { kind: "gla" } } }],
      objective: { kind: "masked-lm" },
    } as never);
    expect(buildSpec(both, { tokens: 300 }).model.flow).toBe("bidirectional");
  });

  test("masked diffusion adds its mask behind the tokenizer's ids", () => {
    const { model, extraTokens } = buildSpec(loadSpec("llada"), { tokens: 300 });
    expect(extraTokens).toEqual({ mask: 300 });
    expect(model.vocabulary).toBe(301);
  });
});

test("the nearest word is found within reach, and none beyond", () => {
  expect(nearest("lstn", ["gru", "lstm", "mlstm"])).toBe("lstm");
  expect(nearest("LSTM", ["lstm"])).toBe("lstm");
  expect(nearest("transformer", ["gru", "lstm"])).toBeUndefined();
});

test("the compiler knows kinds and options of typed specs", () => {
  // @ts-expect-error no such kind
  const kind: SpecInput = { name: "a", width: 8, layers: [{ mixer: { kind: "lstn" } }] };
  // @ts-expect-error no such option
  const option: SpecInput = { name: "a", width: 8, layers: [{ mixer: { kind: "attention", headz: 2 } }] };
  // @ts-expect-error no number
  const type: SpecInput = { name: "a", width: 8, layers: [{ mixer: { kind: "attention", heads: "2" } }] };
  for (const spec of [kind, option, type]) expect(() => canonicalSpec(spec)).toThrow(SeqlabError);
});
