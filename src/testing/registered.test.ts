import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { families } from "../blocks/index.ts";

/** Which suites run the laws of a family. */
const suites = {
  mixers: ["mixerSuite"],
  channels: ["channelSuite", "routerSuite"],
  norms: ["normSuite", "channelSuite"],
  positions: ["positionSuite"],
  residuals: ["residualSuite"],
} as const;

const blocks = new URL("../blocks/", import.meta.url);

/** Texts of all tests of a family. */
const testsOf = (family: string): string[] =>
  readdirSync(new URL(`${family}/`, blocks))
    .filter((file) => file.endsWith(".test.ts"))
    .map((file) => readFileSync(new URL(`${family}/${file}`, blocks), "utf8"));

const exported = (kind: string): string => kind.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/**
 * A call of the suite with the component itself, made over by a function, or with something of it replaced. Where an op has the
 * plain name, the component's ends in Mixer.
 */
function isTested(text: string, name: string, suite: string): boolean {
  const called = new RegExp(`\\b${suite}\\(\\s*(?:\\w+\\(\\s*)?(?:\\{\\s*\\.\\.\\.)?${name}(?:Mixer)?\\b`);
  return called.test(text) || (text.includes(`...${name},`) && text.includes(`${suite}(`));
}

/** Schemes that do nothing have no hook to test. */
const empty = new Set(["positions none"]);

test.each(Object.keys(suites) as (keyof typeof suites)[])("every one of the %s is put through its suite", (family) => {
  const texts = testsOf(family);
  const untested = Object.keys(families[family]).filter(
    (kind) =>
      !empty.has(`${family} ${kind}`) &&
      !suites[family].some((suite) => texts.some((text) => isTested(text, exported(kind), suite))),
  );
  expect(untested).toEqual([]);
});

test("a component that no suite is called with would be noticed", () => {
  expect(isTested("mixerSuite(gla, {", "gla", "mixerSuite")).toBe(true);
  expect(isTested("mixerSuite(withMemory(crossAttention), {", "crossAttention", "mixerSuite")).toBe(true);
  expect(
    isTested("const own = { ...batchnorm, capabilities };\nchannelSuite(own, {", "batchnorm", "channelSuite"),
  ).toBe(true);
  expect(isTested("mixerSuite(gla, {", "gsa", "mixerSuite")).toBe(false);
});
