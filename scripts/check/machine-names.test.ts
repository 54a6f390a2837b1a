import { expect, test } from "vitest";
import { root } from "../source/files.ts";
import { localPaths, mentions, standing } from "./machine-names.ts";

const patterns = [...standing, ...localPaths()];

test.each([
  ["a home folder", `see /${"home"}/alice/model`],
  ["the checkout", `cd ${root}`],
  ["a file of the checkout", `"${root}/src/index.ts"`],
  ["a private address", `http${"s"}://10.${1}.2.3/npm`],
  ["a private host", `http${"s"}://npm.example.${"internal"}/x`],
])("%s is found", (_name, line) => {
  expect(mentions("a.md", `fine\n${line}`, patterns)).toEqual([expect.stringContaining("a.md:2: names")]);
});

test.each(["src/home/x", "../shared/goldens", "https://arxiv.org/abs/1706.03762", "http://127.0.0.1:8080", "~/models"])(
  "%s is fine",
  (line) => expect(mentions("a.md", line, patterns)).toEqual([]),
);
