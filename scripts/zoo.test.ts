import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { families } from "../src/blocks/index.ts";

test("docs/zoo.md has a line for every component, and none for others", () => {
  const text = readFileSync(new URL("../docs/zoo.md", import.meta.url), "utf8");
  const lines = new Set([...text.matchAll(/^\| `([^`]+)` \|/gm)].map(([, kind]) => kind));
  const kinds = new Set(Object.values(families).flatMap((family) => Object.keys(family)));
  expect([...lines].sort()).toEqual([...kinds].sort());
});
