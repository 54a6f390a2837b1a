import { describe, expect, it } from "vitest";
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
