import { describe, expect, it } from "vitest";
import { loadSpec, shippedSpecs, specShelves } from "../../spec/index.ts";
import { HOSTILE, SKETCHES } from "../fixture.ts";
import { readArchitecture } from "./architecture.ts";
import { describeArchitecture, drawArchitecture } from "./draw.ts";
import { optionPhrases } from "./wording.ts";

const layer = (kind: string, rest: object = {}) => ({
  mixer: { kind },
  channel: { kind: "none" },
  norm: { kind: "rmsnorm" },
  ...rest,
});
const drawn = (canonical: Record<string, unknown>): string => drawArchitecture(readArchitecture(canonical)).html;
const count = (text: string, part: string): number => text.split(part).length - 1;

describe("diagram", () => {
  it("folds equal layers and shows a hybrid's pattern", () => {
    const hybrid = SKETCHES.find(({ spec }) => spec === "hybrid");
    const svg = drawn({ layers: hybrid?.layers ?? [] });
    expect(count(svg, 'class="box mixer"')).toBe(2);
    expect(count(svg, "× 2")).toBe(2);
    expect(count(svg, 'fill="var(--state-space)"')).toBe(4);
    expect(count(svg, 'fill="var(--attention)"')).toBe(2);
  });

  it("puts a pre-norm before and a post-norm after the mixer", () => {
    const order = (svg: string) => Math.sign(svg.indexOf(">LSTM<") - svg.indexOf("LayerNorm"));
    const norm = { kind: "layernorm" };
    expect(order(drawn({ layers: [layer("lstm", { norm })] }))).toBe(1);
    expect(order(drawn({ layers: [layer("lstm", { norm, placement: "post" })] }))).toBe(-1);
  });

  it("draws no bypass without a residual, and names other schemes", () => {
    expect(drawn({ layers: [layer("lstm", { residual: { kind: "none" } })] })).not.toContain('class="sum"');
    expect(drawn({ layers: [layer("lstm", { residual: { kind: "gated" } })] })).toContain(">Gated<");
  });

  it("draws many different layers as one line each", () => {
    const layers = Array.from({ length: 30 }, (_, i) => layer("lstm", { norm: { kind: `norm${i}` } }));
    expect(count(drawn({ layers }), 'class="box mixer"')).toBe(30);
    expect(drawn({ layers })).not.toContain('class="sum"');
  });

  it("survives specs of any shape and escapes what they say", () => {
    for (const odd of [
      {},
      { layers: "x" },
      { layers: [null, 3, []] },
      { embedding: [], norm: 1, head: null, width: "wide" },
    ])
      expect(drawn(odd)).toContain("<svg");
    const hostile = drawn({
      layers: [layer(HOSTILE, { mixer: { kind: HOSTILE, [HOSTILE]: HOSTILE } })],
      norm: { kind: HOSTILE },
    });
    expect(hostile).not.toMatch(/<script|<img|\u202e|(?!\n)\p{Cc}/u);
  });

  it("puts options into words, the telling ones first", () => {
    const options = {
      forgetBias: 1,
      expand: 2,
      loadBalance: 0.01,
      bias: true,
      causal: false,
      heads: 1,
      kvHeads: 2,
      positions: { kind: "rope" },
    };
    const phrases = ["1 head", "2 kv heads", "RoPE", "expand 2", "load balance 0.0100", "forget bias 1", "bias"];
    expect(optionPhrases({ kind: "x", options })).toEqual(phrases);
  });

  describe("an encoder above the decoder", () => {
    const attention = { kind: "attention", heads: 2 };
    const seq2seq = (decoder: object, bridge = "none") => ({
      embedding: { kind: "token", positions: { kind: "learned" } },
      encoder: { positions: { kind: "sinusoidal" }, layers: [layer("gru")], norm: { kind: "rmsnorm" }, bridge },
      layers: [{ ...layer("gru"), ...decoder }, layer("gru")],
      norm: { kind: "none" },
      head: { kind: "lm" },
    });
    const rails = (svg: string) => count(svg.slice(svg.indexOf('class="memory"')), 'class="tip"');

    it("hands its memory to every cross attention, or its states to every mixer", () => {
      const crossed = drawn(seq2seq({ cross: attention }));
      expect(count(crossed, 'class="box cross"')).toBe(1);
      expect(rails(crossed)).toBe(1);
      expect(crossed).toContain("Sinusoidal");
      const bridged = drawn(seq2seq({}, "state"));
      expect(rails(bridged)).toBe(1); // equal layers are folded into one
      expect(bridged).toContain(">memory and final states<");
      expect(drawn({ layers: [layer("gru")] })).not.toContain('class="memory"');
    });

    it("reaches the boxes that read it, wherever they stand", () => {
      const svg = drawn(seq2seq({ cross: attention, channel: { kind: "mlp" } }));
      const box = /class="box cross".*?<rect x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"/s.exec(svg)!;
      const tap = /class="memory">.*?M264 ([\d.]+)H/s.exec(svg)!;
      expect(Number(tap[1])).toBeCloseTo(Number(box[1]) + Number(box[2]) / 2, 6);
    });

    it("is told in words", () => {
      expect(describeArchitecture(readArchitecture(seq2seq({ cross: attention }, "state")))).toMatch(
        /^An encoder of 1 layer, whose final states start the decoder's: Token embedding; GRU, pre-norm RMSNorm; RMSNorm\. 2 layers/,
      );
    });
  });

  it("puts norms where the placement says", () => {
    const norms = (placement: string) => {
      const svg = drawn({
        layers: [layer("lstm", { placement, norm: { kind: "layernorm" } })],
        norm: { kind: "none" },
      });
      const at = (part: string) => [...svg.matchAll(new RegExp(part, "g"))].map(({ index }) => index);
      const [box, sum] = [at(">LSTM<")[0]!, at('class="sum"')[0]!];
      return at(">LayerNorm<").map((norm) => (norm < box ? "input" : norm < sum ? "output" : "sum"));
    };
    expect(norms("pre")).toEqual(["input"]);
    expect(norms("post")).toEqual(["sum"]);
    expect(norms("peri")).toEqual(["input", "output"]);
    expect(norms("res-post")).toEqual(["output"]);
    expect(norms("none")).toEqual([]);
  });

  it("draws parallel parts beside each other under one norm, or each under its own", () => {
    const parts = { mixer: { kind: "attention" }, channel: { kind: "mlp" } };
    const svg = (wiring: string) =>
      drawn({ layers: [layer("attention", { ...parts, wiring })], norm: { kind: "none" } });
    expect(count(svg("serial"), 'class="sum"')).toBe(2);
    expect(count(svg("parallel"), 'class="sum"')).toBe(1);
    expect(count(svg("parallel"), 'class="pill"')).toBe(1);
    expect(count(svg("parallel-norms"), 'class="pill"')).toBe(2);
  });

  it("says which layers share weights, and counts them apart from those that do not", () => {
    const shared = [layer("lstm"), layer("lstm", { weights: 0 }), layer("lstm", { weights: 0 }), layer("lstm")];
    const svg = drawn({ layers: shared });
    expect(svg).toContain("one set of weights, 3 times");
    expect(count(svg, 'class="box mixer"')).toBe(2);
    expect(drawn({ layers: [layer("lstm"), layer("lstm")] })).not.toContain("one set of weights");
  });

  it("draws every shipped spec", () => {
    for (const name of [...shippedSpecs(), ...specShelves.flatMap(shippedSpecs)]) {
      const spec = loadSpec(name) as unknown as Record<string, unknown>;
      expect(drawn(spec), name).not.toMatch(/NaN|undefined|Infinity/);
      expect(describeArchitecture(readArchitecture(spec)), name).not.toContain("undefined");
    }
  });

  it("says the same in words", () => {
    const words = describeArchitecture(
      readArchitecture({
        layers: [layer("mamba-2"), layer("mamba-2"), layer("attention")],
        embedding: { kind: "token" },
      }),
    );
    expect(words).toContain("3 layers");
    expect(words).toContain("2 × (Mamba-2, pre-norm RMSNorm); Attention");
  });
});
