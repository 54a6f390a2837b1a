import { expect, test } from "vitest";
import { loadSpec, shippedSpecs } from "./index.ts";

test("the gallery stands apart from the shelves, whose specs carry their shelf in the name", () => {
  expect(shippedSpecs()).toHaveLength(9);
  expect(shippedSpecs().every((name) => !name.includes("/"))).toBe(true);
  expect(shippedSpecs("published")).toContain("published/gpt-2");
  expect(shippedSpecs("tiny").map((name) => name.replace("tiny/", ""))).toEqual(
    shippedSpecs("published").map((name) => name.replace("published/", "")),
  );
});

test("a spec of a shelf is loaded by its name, and is named after its file", () => {
  for (const path of [...shippedSpecs("published"), ...shippedSpecs("tiny")])
    expect(loadSpec(path).name, path).toBe(path.slice(path.indexOf("/") + 1));
});

test("a shipped spec goes by its path in a checkout, from any folder, a published one without its shelf", () => {
  expect(loadSpec("specs/transformer-base.json")).toEqual(loadSpec("published/transformer-base"));
  expect(loadSpec("./specs/tiny/gpt-2.json")).toEqual(loadSpec("tiny/gpt-2"));
  expect(() => loadSpec("specs/../llama.json")).toThrow(/no such file.*E_SPEC_FILE/);
});

test("a name without its shelf, or with a slip in it, is told", () => {
  expect(() => loadSpec("gpt-2")).toThrow(/Did you mean "published\/gpt-2"\? \[E_SPEC_FILE\]$/);
  expect(() => loadSpec("tiny/gtp-2")).toThrow(/Did you mean "tiny\/gpt-2"\? \[E_SPEC_FILE\]$/);
  expect(() => loadSpec("models/transformer-base.json")).toThrow(/Did you mean "published\/transformer-base"\?/);
  expect(() => loadSpec(".")).toThrow(/^\.: expected a spec file, .*, got a folder\. \[E_SPEC_FILE\]$/);
  expect(() => loadSpec("my-own.json")).toThrow(/no such file\. \[E_SPEC_FILE\]$/);
  expect(() => loadSpec("published/../llama")).toThrow(/no such file.*E_SPEC_FILE/);
});
