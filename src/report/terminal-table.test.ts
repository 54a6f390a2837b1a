import { describe, expect, it } from "vitest";
import { comparisonOf, HOSTILE, hostileComparison, resultOf, SKETCHES } from "./fixture.ts";
import { comparisonTable } from "./terminal-table.ts";

const lines = (text: string): string[] => text.split("\n");

describe("comparison table", () => {
  it("orders by bits per byte and carries units in the header", () => {
    const [first, second, rule, best] = lines(comparisonTable(comparisonOf()));
    expect(first).toMatch(/^# +model +bits\/byte +params +train +decode +first +train +decode +state +state +state$/);
    expect(second).toMatch(/^ +tokens\/s +tokens\/s +ms +MiB +MiB +at 1k +at 16k +at 256k$/);
    expect(rule).toMatch(/^─+$/);
    expect(best).toMatch(
      /^1 +gated-deltanet +1\.885 ± 0\.011 +499k +19,000 +1,053 +22\.8 +331 +50\.0 +69\.3 KiB +69\.3 KiB +69\.3 KiB$/,
    );
  });

  it("aligns all rows and fits 120 columns", () => {
    const twenty = Array.from({ length: 20 }, (_, i) => ({
      ...(SKETCHES[i % 9] ?? SKETCHES[0]!),
      spec: `a-rather-long-name-of-a-model-${i}`,
    }));
    for (const comparison of [
      comparisonOf(),
      comparisonOf(twenty, [0, 1, 2]),
      comparisonOf(SKETCHES.slice(0, 1), [0]),
    ]) {
      const all = lines(comparisonTable(comparison));
      expect(Math.max(...all.map((line) => line.length))).toBeLessThanOrEqual(120);
      const rows = all.slice(2, 3 + comparison.results.length);
      expect(new Set(rows.map((row) => row.length)).size).toBe(1);
    }
  });

  it("counts wide letters as two columns", () => {
    const comparison = comparisonOf(
      SKETCHES.slice(0, 2).map((sketch, i) => ({ ...sketch, spec: i === 0 ? "鯨鯨鯨" : "abcdef" })),
    );
    const [a, b] = lines(comparisonTable(comparison)).slice(3, 5);
    expect(a?.indexOf("±")).toBe((b?.indexOf("±") ?? 0) + (a?.startsWith("1") && a.includes("鯨") ? -3 : 3));
  });

  it("prints upper bounds, missing states, what was tuned, and the caveat", () => {
    const text = comparisonTable(comparisonOf());
    expect(text).toMatch(/9 +llada +≤ 2\.548 ± 0\.015 .* none +none +none/);
    expect(text).toContain("  llama: width 92, channel hidden 174\n");
    expect(text).toContain("A quick look ranks learning speed, not final quality.\n");
  });

  it("prints each model's tokens where the budget was not one number of tokens", () => {
    const comparison = comparisonOf();
    comparison.protocol.tokens = null;
    expect(comparisonTable(comparison)).toContain("  llama: width 92, channel hidden 174, 491,520 training tokens\n");
  });

  it("puts models without a finite score last", () => {
    const comparison = comparisonOf();
    comparison.results[2]!.bitsPerByte.mean = Number.NaN;
    expect(lines(comparisonTable(comparison))[11]).toMatch(/^9 +gated-deltanet +— /);
  });

  it("lets no control character through", () => {
    const text = comparisonTable(hostileComparison());
    expect(text).not.toMatch(/(?!\n)\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u);
    expect(Math.max(...lines(text).map((line) => line.length))).toBeLessThanOrEqual(120);
  });

  it("wraps what does not fit", () => {
    const result = resultOf(SKETCHES[0]!, [0, 1]);
    result.tuned = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`layers[${i}].channel.hidden`, 100 + i]));
    result.tuned[HOSTILE.repeat(3)] = 1;
    const text = comparisonTable({ ...comparisonOf(), results: [result] });
    expect(text).toContain("layers[11] channel hidden 111");
    expect(Math.max(...lines(text).map((line) => line.length))).toBeLessThanOrEqual(120);
  });
});
