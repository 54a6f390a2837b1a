import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";
import type { Comparison } from "../analysis/index.ts";
import { comparisonOf, HOSTILE, hostileComparison, SKETCHES } from "./fixture.ts";
import { renderComparison } from "./page.ts";

const FIGURES = ["loss-tokens", "loss-seconds", "quality-state", "state-context", "memory", "decode-context"];
const SECTIONS = ["leaderboard", "learning", "cost", "architectures", "samples", "protocol"];

function parsed(comparison: Comparison) {
  const text = renderComparison(comparison);
  return { text, document: parseHTML(text).document };
}

const textOf = (document: Document, selector: string): string =>
  document.querySelector(selector)?.textContent?.replace(/\s+/g, " ").trim() ?? "";

describe("structure", () => {
  const { text, document } = parsed(comparisonOf());

  it("has every section and figure, each with a heading", () => {
    for (const id of SECTIONS) expect(textOf(document, `section#${id} h2`)).not.toBe("");
    for (const id of FIGURES) expect(textOf(document, `figure#${id} h3`)).not.toBe("");
    expect([...document.querySelectorAll("h1")]).toHaveLength(1);
  });

  it("gives every figure two drawings, a text alternative, a caption, and its values", () => {
    for (const id of FIGURES) {
      const drawings = [...document.querySelectorAll(`#${id} [role="img"]`)];
      expect(drawings).toHaveLength(2);
      for (const drawing of drawings) {
        expect(drawing.getAttribute("aria-label")).toContain("llada");
        expect(drawing.querySelector("svg")?.getAttribute("viewBox")).toMatch(/^0 0 (560|340) /);
      }
      expect(textOf(document, `#${id} figcaption`).length).toBeGreaterThan(40);
      expect([...document.querySelectorAll(`#${id} details tbody tr`)]).toHaveLength(9);
    }
  });

  it("names every model in every wide drawing, and units on the axes", () => {
    for (const id of FIGURES.filter((one) => one !== "state-context")) {
      for (const { spec } of SKETCHES) expect(textOf(document, `#${id} .wide`)).toContain(spec);
    }
    expect(textOf(document, "#loss-tokens .wide")).toContain("nats per token");
    expect(textOf(document, "#loss-seconds .narrow")).toContain("seconds");
    expect(textOf(document, "#quality-state .wide")).toMatch(/bits per byte.*no state|no state.*bits per byte/);
    expect(textOf(document, "#state-context .wide")).toMatch(/bytes per sequence.*256k|256k.*bytes per sequence/);
    expect(textOf(document, "#memory .wide")).toContain("train 218 ± 7 MiB");
    expect(textOf(document, "#decode-context .wide")).toContain("ms");
  });

  it("draws a line and a band per model and loss figure", () => {
    for (const id of ["loss-tokens", "loss-seconds"]) {
      expect([...document.querySelectorAll(`#${id} .wide [aria-label="line"] path`)]).toHaveLength(9);
      expect([...document.querySelectorAll(`#${id} .wide [aria-label="area"] path`)]).toHaveLength(9);
    }
  });

  it("ranks the leaderboard, marks the best and the upper bound, and scopes its headers", () => {
    const rows = [...document.querySelectorAll(".leaderboard tbody tr")].map(
      (row) => row.textContent?.replace(/\s+/g, " ") ?? "",
    );
    expect(rows).toHaveLength(9);
    expect(rows[0]).toMatch(/^1 gated-deltanet.*1\.885 ± 0\.011 \(best\)/);
    expect(rows[8]).toMatch(/llada.*≤ 2\.548 ± 0\.015.*none/);
    for (const head of document.querySelectorAll(".leaderboard thead th"))
      expect(head.getAttribute("scope")).toMatch(/^col/);
    for (const head of document.querySelectorAll(".leaderboard tbody th"))
      expect(head.getAttribute("scope")).toBe("row");
    for (const unit of ["bits per byte", "tokens/s", "(ms)"])
      expect(textOf(document, ".leaderboard thead")).toContain(unit);
  });

  it("has a diagram and a sample per model, and the whole protocol", () => {
    expect([...document.querySelectorAll("#architectures svg.diagram")]).toHaveLength(9);
    expect([...document.querySelectorAll("#samples blockquote")]).toHaveLength(9);
    expect(textOf(document, "#samples")).toContain("71 % occur in the training text; before training it was 9.4 %");
    for (const value of [
      "seqlab compare --quick",
      "9d2f6c0e41b0d3f0",
      "schedule.warmup",
      "491,520",
      "Example CPU",
      "1.30.0",
      "4 min 28 s",
    ]) {
      expect(textOf(document, "#protocol")).toContain(value);
    }
  });

  it("is self-contained: no script, no address, no import", () => {
    expect(text).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|https?:|\ssrc=/);
    expect(text).toContain("default-src 'none'");
    const ids = [...document.querySelectorAll("[id]")].map((node) => node.getAttribute("id"));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("is deterministic, and small with dense curves too", () => {
    expect(renderComparison(comparisonOf())).toBe(text);
    const dense = comparisonOf();
    for (const { curves } of dense.results)
      for (const curve of curves)
        curve.points = curve.points.flatMap((point) =>
          Array.from({ length: 20 }, (_, i) => ({ ...point, tokens: point.tokens - i })),
        );
    expect(renderComparison(dense).length).toBeLessThan(1.5e6);
  });
});

describe("caveat", () => {
  it("stands in a quick look only", () => {
    const long = comparisonOf();
    long.protocol = { ...long.protocol, command: "seqlab compare" };
    for (const result of long.results) result.tokens = 20e6;
    expect(renderComparison(comparisonOf())).toContain("A quick look ranks learning speed, not final quality");
    expect(renderComparison(long)).not.toContain("A quick look");
  });
});

describe("hostile text", () => {
  const { text, document } = parsed(hostileComparison());

  it("becomes text, never markup", () => {
    expect([...document.querySelectorAll("script, img, iframe, a[href^='javascript']")]).toEqual([]);
    expect([...document.querySelectorAll("style")]).toHaveLength(1);
    expect(
      [...document.querySelectorAll("*")]
        .flatMap((node) => [...node.attributes])
        .filter(({ name }) => name.startsWith("on")),
    ).toEqual([]);
    expect(textOf(document, "#samples")).toContain("<script>alert(1)</script>\"'&amp;");
  });

  it("keeps no control or direction character", () => {
    expect(HOSTILE).toMatch(/\p{Cc}\p{Cc}.*\u202e.*\u2066\p{Surrogate}/u);
    expect(text).not.toMatch(/(?![\n\t])\p{Cc}|[\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/u);
  });
});

describe("odd comparisons", () => {
  const drawn = (comparison: Comparison): string => {
    const { text, document } = parsed(comparison);
    for (const id of FIGURES) expect(document.querySelector(`figure#${id}`)).not.toBeNull();
    const svgs = [...document.querySelectorAll("svg")].map((svg) => svg.outerHTML).join("");
    expect(svgs).not.toMatch(/NaN|Infinity|undefined/);
    expect(text).not.toContain("⚠");
    return text;
  };

  it("draws one model with one seed, without bands or comparisons", () => {
    const text = drawn(comparisonOf(SKETCHES.slice(0, 1), [7]));
    expect(text).toContain("One architecture on");
    expect(text).not.toContain('aria-label="area"');
    expect(text).not.toContain("(best)");
  });

  it("draws twenty models", () => {
    const twenty = Array.from({ length: 20 }, (_, i) => ({
      ...(SKETCHES[i % 9] ?? SKETCHES[0]!),
      spec: `model-${i}`,
      loss: 3.4 + i / 50,
    }));
    expect(drawn(comparisonOf(twenty, [0, 1, 2])).length).toBeLessThan(1.5e6);
  });

  it("draws a comparison without any result", () => {
    expect(drawn({ ...comparisonOf(), results: [] })).toContain("No finite values to draw.");
  });

  it("keeps going where values are missing or not finite", () => {
    const comparison = comparisonOf();
    const [a, b, c, d, e] = comparison.results as [Row, Row, Row, Row, Row];
    for (const point of a.curves[0]!.points.slice(100)) point.loss = Number.NaN;
    for (const point of a.curves[1]!.points.slice(90)) point.loss = Number.POSITIVE_INFINITY;
    a.bitsPerByte.mean = Number.NaN;
    Object.assign(b, { decode: [], curves: [], sample: null, stateBytes: {} });
    b.peakTrainBytes.mean = Number.NaN;
    Object.assign(c, { stateBytes: { "1024": 0, "16384": Number.NaN }, decode: c.decode.slice(0, 1), canonical: {} });
    d.decode[1]!.msPerToken.mean = Number.POSITIVE_INFINITY;
    for (const point of e.curves[0]!.points.slice(50)) point.loss = 1e30;
    const text = drawn(comparison);
    expect(text).toContain("were not finite; they are left out");
    expect(text).toContain("No sample was drawn.");
    expect(text).toContain("not measured");
  });

  it("shows each model's tokens where the budget was not one number of tokens", () => {
    const comparison = comparisonOf();
    comparison.protocol.tokens = null;
    comparison.results[0]!.tokens = 310_000;
    const text = drawn(comparison);
    expect(text).toContain("310k to 492k tokens per model and seed");
    expect(text).toContain('data-label="Training tokens"');
  });

  it("draws when nothing at all is finite", () => {
    const comparison = comparisonOf();
    for (const result of comparison.results) {
      result.bitsPerByte.mean = Number.NaN;
      for (const figure of [
        result.trainTokensPerS,
        result.decodeTokensPerS,
        result.firstTokenMs,
        result.peakTrainBytes,
        result.peakDecodeBytes,
      ])
        figure.mean = Number.NaN;
      Object.assign(result, { stateBytes: null, decode: [], curves: [] });
    }
    expect(drawn(comparison)).toContain("No model reached a finite score.");
  });
});

type Row = Comparison["results"][number];
