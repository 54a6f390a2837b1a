import { parseHTML } from "linkedom";
import { describe, expect, test } from "vitest";
import type { AttentionMap, Inspection } from "../../analysis/index.ts";
import { heatCells } from "./heat.ts";
import { layerName, partName, tokenText } from "./names.ts";
import { type InspectedRun, renderInspection } from "./page.ts";

const hostile = "<img src=x onerror=alert(1)>\u202e";
const texts = ["a", hostile, "\n"];

const map: AttentionMap = {
  path: "layers.0.mixer.weights_BHTS",
  queries: "tokens",
  keys: "tokens",
  weights: [
    [
      [1, 0, 0],
      [0.5, 0.5, 0],
      [0, 0, 1],
    ],
  ],
  entropies: [[0, Math.LN2, 0]],
  heads: [{ entropy: 0.23, uniform: 0.6, largest: 0.83, saturated: 0.5, self: 0.83, previous: 0.25, first: 0.5 }],
};

const inspection: Inspection = {
  model: { name: "small", title: hostile, objective: "next-token", parameters: 1234 },
  tokens: texts.map((text, id) => ({
    id,
    text,
    target: id < 2 ? { id: id + 1, text: texts[id + 1]! } : null,
    nats: id < 2 ? id + 0.5 : null,
  })),
  source: null,
  loss: 1,
  lens: ["embedding.stream", "layers.0.stream"].map((path, i) => ({
    path,
    tokens: texts.map((text, id) => ({ top: [{ id, text, prob: 0.5 }], target: id < 2 ? 0.25 : null, entropy: 1 })),
    loss: 2 - i,
    divergence: 1 - i,
  })),
  attention: [map],
  alignment: null,
  gradients: {
    total: 1,
    layers: [{ path: "layers.0", norm: 0.5 }],
    streams: [
      { path: "embedding.stream", norm: 0.1 },
      { path: "layers.0.stream", norm: 0 },
    ],
    parameters: [{ path: "layers.0.mixer.qkv", size: 12, norm: 0.5, weightNorm: 0 }],
  },
  gates: [{ path: "layers.0.channel/silu.0", op: "silu", size: 9, closed: 0.25, open: 0.5, stuck: 0 }],
  streams: [
    {
      path: "embedding.stream",
      norms: [1, 2, 3],
      largest: { value: 4, token: 1, feature: 0 },
      median: 0,
      cosine: 0.25,
    },
    {
      path: "layers.0.stream",
      norms: [1, 2, 3],
      largest: { value: 4, token: 2, feature: 7 },
      median: 0.5,
      cosine: null,
    },
  ],
  writes: [{ path: "layers.0.mixer", ratio: 0.5 }],
  states: [{ path: "layers.0.mixer.h_BD", shape: [16], norms: [1, 2, 3], changes: [1, 0.5, 0.2] }],
  tensors: [],
};

const inspected: InspectedRun = { run: hostile, weights: "step 5", inspection, notes: ["cut"], seqlab: "0.0.0" };
const pageOf = (more: Partial<InspectedRun> = {}) => renderInspection({ ...inspected, ...more });

describe("the page of an inspection", () => {
  const page = pageOf();
  const { document } = parseHTML(page);

  test("needs nothing from outside and keeps foreign text text", () => {
    expect(document.querySelectorAll("script, link, img, iframe")).toHaveLength(0);
    expect(page).not.toMatch(/https?:|url\(|\u202e/);
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
    expect(pageOf()).toBe(page);
  });

  test("has every section with data, and none without", () => {
    const ids = (html: string) => [...parseHTML(html).document.querySelectorAll("section")].map(({ id }) => id);
    expect(ids(page)).toEqual(["reading", "layers", "attention", "states", "gates"]);
    const bare = {
      ...inspection,
      attention: [],
      states: [],
      gates: [],
      alignment: [[[1], [1], [1]]],
      source: [{ id: 1, text: "x" }],
    };
    expect(ids(pageOf({ inspection: bare }))).toEqual(["reading", "layers", "alignment"]);
    const curve = [1, 2].map((step) => ({ step, loss: 3 - step, bitsPerByte: 3 - step }));
    const last = { step: 2, bitsPerByte: 1 };
    const diagnosis = { verdict: "fits", best: last, last, rise: 0, remedies: [] } as const;
    const history = { training: curve, validation: curve, diagnosis };
    expect(ids(pageOf({ history }))).toContain("history");
    const gap = { bitsPerByte: 0.25, validation: 1.5, training: 1.25, windows: 64 };
    expect(pageOf({ history: { ...history, diagnosis: { ...diagnosis, gap } } })).toContain(
      "The weights shown reach 1.250 bits per byte on 64 windows of the training text and 1.500 on as many of the validation text: a gap of 0.250.",
    );
    expect(pageOf({ history })).not.toContain("a gap of");
  });

  test("every figure says what it shows, and holds its values", () => {
    const figures = [...document.querySelectorAll("figure")];
    expect(figures.length).toBeGreaterThanOrEqual(6);
    for (const figure of figures) {
      expect(figure.querySelector("figcaption")!.textContent!.length).toBeGreaterThan(40);
      expect(figure.querySelectorAll(".values tbody tr").length).toBeGreaterThan(0);
      expect(figure.querySelector("[role=img]")!.getAttribute("aria-label")).not.toBe("");
    }
  });

  test("links in the page have their targets", () => {
    for (const use of document.querySelectorAll("use, a[href^='#']"))
      expect(document.getElementById(use.getAttribute("href")!.slice(1))).not.toBeNull();
  });
});

test("equal neighbours of a row are one stroke, and nothing is drawn for no weight", () => {
  expect(
    heatCells([
      [0.25, 0.25, 0],
      [1, 0, 0],
    ]).html,
  ).toBe('<g class="cells"><path d="M0 0.5h2" stroke-opacity="0.5"/><path d="M0 1.5h1" stroke-opacity="1"/></g>');
});

test("paths and tokens have short names", () => {
  expect(["layers.12.stream", "embedding.stream", "encoder.layers.0.mixer.weights_BHTS"].map(layerName)).toEqual([
    "layer 12",
    "embedding",
    "encoder layer 0",
  ]);
  expect([partName("layers.0.cross.x"), partName("embedding/gather.0")]).toEqual(["cross", "embedding"]);
  expect([tokenText({ id: 7, text: "" }), tokenText({ id: 1, text: " the\n" })]).toEqual(["#7", "␣the↵"]);
});
