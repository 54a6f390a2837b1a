import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parameterCount } from "../model/index.ts";
import { buildSpec, canonicalSpec, parseSpecText } from "../spec/index.ts";
import { modelSuite } from "./model-suite.ts";

const folder = new URL("../../specs/", import.meta.url);

/** Canonical specs of a folder below `specs`. */
function specsIn(below: string) {
  const names = readdirSync(new URL(below, folder)).filter((name) => /\.(json|ya?ml)$/.test(name));
  return names.map((name) => {
    const text = readFileSync(new URL(`${below}${name}`, folder), "utf8");
    return { name: `${below}${name}`, spec: canonicalSpec(parseSpecText(text, name), name) };
  });
}

describe.each([...specsIn(""), ...specsIn("tiny/")])("specs/$name", ({ spec }) => modelSuite(spec));

test.each(specsIn("published/"))("specs/$name has one canonical form, and can be counted", ({ spec }) => {
  expect(canonicalSpec(spec)).toEqual(spec);
  const { model } = buildSpec(spec, { tokens: 50_000 });
  expect(parameterCount(model.parameters)).toBeGreaterThan(model.activeParameters - 1);
});
