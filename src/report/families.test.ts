import { describe, expect, it } from "vitest";
import { FAMILIES, type Family, familyOfMixer, familyOfStack } from "./families.ts";
import { SURFACES } from "./style/palette.ts";

type Rgb = readonly [number, number, number];

const linear = (channel: number): number => (channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4);
const rgbOf = (hex: string): Rgb =>
  [1, 3, 5].map((at) => linear(Number.parseInt(hex.slice(at, at + 2), 16) / 255)) as unknown as Rgb;
const luminance = ([r, g, b]: Rgb): number => 0.2126 * r + 0.7152 * g + 0.0722 * b;
const times = (matrix: readonly Rgb[], [r, g, b]: Rgb): Rgb =>
  matrix.map((row) => row[0] * r + row[1] * g + row[2] * b) as unknown as Rgb;

/** WCAG 2.2 contrast ratio. */
function contrast(a: string, b: string): number {
  const [high, low] = [luminance(rgbOf(a)), luminance(rgbOf(b))].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** Full-strength deficiencies in linear RGB (Machado, Oliveira and Fernandes 2009, table of severity 1.0). */
const SIGHT: Readonly<Record<string, readonly Rgb[]>> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

/** OKLab (Ottosson 2020). */
function oklab(rgb: Rgb): Rgb {
  const lms = times(
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    rgb,
  );
  const roots = lms.map((value) => Math.cbrt(Math.max(0, value))) as unknown as Rgb;
  return times(
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ],
    roots,
  );
}

function seen(hex: string, sight: string): Rgb {
  return oklab(times(SIGHT[sight] ?? [], rgbOf(hex)).map((value) => Math.min(1, Math.max(0, value))) as unknown as Rgb);
}

const distance = (a: Rgb, b: Rgb): number => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
const hues = (Object.keys(FAMILIES) as Family[]).filter((family) => family !== "other");

describe.each(["light", "dark"] as const)("%s palette", (theme) => {
  const { paper, panel, ink, muted, accent, warn, "warn-ink": warnInk } = SURFACES[theme];

  it.each(Object.keys(SIGHT))("tells families apart with %s", (sight) => {
    const close = hues.flatMap((a, i) =>
      hues.slice(0, i).filter((b) => distance(seen(FAMILIES[a][theme], sight), seen(FAMILIES[b][theme], sight)) < 0.1),
    );
    expect(close).toEqual([]);
  });

  it("keeps 3:1 for lines and 4.5:1 for text", () => {
    for (const { [theme]: color } of Object.values(FAMILIES)) expect(contrast(color, paper)).toBeGreaterThanOrEqual(3);
    for (const text of [ink, muted, accent]) expect(contrast(text, paper)).toBeGreaterThanOrEqual(4.5);
    for (const text of [ink, muted]) expect(contrast(text, panel)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(warnInk, warn)).toBeGreaterThanOrEqual(4.5);
  });
});

describe("families", () => {
  it("names mixers in either spelling, and unknown ones as other", () => {
    expect(
      ["mamba-2", "gated-deltanet", "gated-delta-net", "sLSTM", "constructor", "no-such"].map(familyOfMixer),
    ).toEqual(["state-space", "linear-attention", "linear-attention", "xlstm", "other", "other"]);
  });

  it("calls a stack hybrid only where families differ", () => {
    expect(familyOfStack(["mlstm", "slstm"])).toBe("xlstm");
    expect(familyOfStack(["mamba-2", "attention"])).toBe("hybrid");
    expect(familyOfStack([])).toBe("other");
  });
});
