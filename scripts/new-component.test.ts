import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "./source/files.ts";

const source = `import { z } from "zod";
import { concat, type Tensor, zeros } from "../../tensor/index.ts";
import { defineMixer } from "../define.ts";
import { gain } from "../weights/declare.ts";
import { value } from "../weights/use.ts";

/** The change since the token before, one factor a feature. */
export const lastDifference = defineMixer({
  kind: "last-difference",
  title: "Last difference",
  cite: { by: "the trial of a new component" },
  equations: ["y_t = g * (x_t - x_(t-1))"],
  config: z.strictObject({ start: z.number().default(1).describe("value of g before training") }),
  dims: (_c, D: number) => ({ D }),
  params: ({ D }, c) => ({ gain: gain(D, c.start) }),
  capabilities: {
    flow: "causal",
    state: "finite",
    length: "any",
    batch: "independent",
    smooth: "everywhere",
    exact: "bitwise",
  },
  reads: ["mask_BT"],
  state: ({ D }) => ({ last_BD: [D] }),
  forward(x_BTD, { d, p, s, io }) {
    const [B, T] = [x_BTD.dim(0), x_BTD.dim(1)];
    const all = concat(1, [(s.last_BD ?? zeros([B, d.D])).unsqueeze(1), x_BTD]);
    const y = x_BTD.sub(all.slice(1, 0, T)).mul(value(p.gain));
    return { y, s: { last_BD: lastReal(all, io.mask_BT) } };
  },
  step: (x_BD, { p, s }) => ({ y: x_BD.sub(s.last_BD).mul(value(p.gain)), s: { last_BD: x_BD } }),
});

/** all [B, 1 + T, D]: the token at the number of real ones. */
function lastReal(all: Tensor, mask_BT: Tensor | undefined): Tensor {
  const [B, places, D] = all.shape as [number, number, number];
  if (!mask_BT) return all.slice(1, places - 1, places).squeeze(1);
  const count_B11 = mask_BT.cast("i32").sum(1, true).unsqueeze(2);
  return all.gatherElements(1, count_B11.expand([B, 1, D])).squeeze(1);
}
`;

const tests = `import { mixerSuite } from "../../testing/index.ts";
import { lastDifference } from "./last-difference.ts";

mixerSuite(lastDifference, {
  configs: [{}, { start: 0.5 }],
  width: 4,
  naive: ({ x, p, s }) => ({
    y: x.map((tokens, b) =>
      tokens.map((row, t) => {
        const before = t > 0 ? tokens[t - 1]! : (s?.last_BD[b] as unknown as number[] | undefined);
        return row.map((value, i) => (p.gain[i] as unknown as number) * (value - (before?.[i] ?? 0)));
      }),
    ),
    s: { last_BD: x.map((tokens) => tokens.at(-1)!) },
  }),
});
`;

const use = `import { expect, test } from "vitest";
import { describeModel } from "../analysis/index.ts";
import { buildSpec, canonicalSpec } from "./index.ts";

test("a spec names it", () => {
  const spec = canonicalSpec({ name: "trial", width: 8, layers: [{ mixer: { kind: "last-difference" }, repeat: 2 }] });
  const { stateBytes, layers } = describeModel(buildSpec(spec, { tokens: 5 }));
  expect(layers.map(({ mixer, parameters }) => [mixer, parameters])).toEqual([
    ["last-difference", 16],
    ["last-difference", 16],
  ]);
  expect(stateBytes?.["1024"]).toBe(2 * 8 * 4);
});
`;

/** A copy of the project without its history. */
let copy: string;
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), "new-component-"));
  for (const folder of ["src", "scripts", "docs", "specs", "studies", "evidence"])
    cpSync(join(root, folder), join(copy, folder), { recursive: true });
  for (const file of ["package.json", "tsconfig.json", "vitest.config.ts"]) cpSync(join(root, file), join(copy, file));
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"), "dir");
});
afterAll(() => rmSync(copy, { recursive: true, force: true }));

const node = (...args: string[]): string =>
  execFileSync(process.execPath, args, { cwd: copy, encoding: "utf8", stdio: "pipe" });

test("a new mixer is three hand-written files: source, test, and a line in docs/zoo.md", () => {
  const mixers = join(copy, "src/blocks/mixers");
  writeFileSync(join(mixers, "last-difference.ts"), source);
  writeFileSync(join(mixers, "last-difference.test.ts"), tests);
  const zoo = join(copy, "docs/zoo.md");
  const text = readFileSync(zoo, "utf8");
  writeFileSync(
    zoo,
    text.replace("| `lstm` |", "| `last-difference` | what changed since the token before |\n| `lstm` |"),
  );

  const written = node("scripts/generate.ts")
    .split("\n")
    .filter((line) => line.startsWith("written"));
  const files = written.map((line) => line.split(/\s+/)[1]!);
  expect(files).toContain("src/blocks/generated/mixers.ts");
  expect(files).toContain("src/spec/generated/spec.schema.json");
  expect(files).toContain("docs/generated/zoo.md");
  for (const file of files) expect(file).toMatch(/\bgenerated\//);

  writeFileSync(join(copy, "src/spec/trial.test.ts"), use);
  node(
    join(root, "node_modules/vitest/vitest.mjs"),
    "run",
    "--reporter=json",
    "--outputFile=result.json",
    "src/blocks/mixers/last-difference.test.ts",
    "src/spec/trial.test.ts",
    "scripts/zoo.test.ts",
  );
  const result = JSON.parse(readFileSync(join(copy, "result.json"), "utf8")) as Record<string, number>;
  expect(result["numFailedTests"]).toBe(0);
  expect(result["numPassedTests"]).toBeGreaterThan(25);
  expect(readdirSync(mixers).filter((file) => file.startsWith("last-difference"))).toHaveLength(2);
}, 120_000);
