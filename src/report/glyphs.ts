/** Marker shapes, drawn around (0, 0) in a box of 10 × 10: with a dash pattern they tell apart models that share a colour. */
export const GLYPHS = {
  circle: "M4.2 0A4.2 4.2 0 1 1-4.2 0A4.2 4.2 0 1 1 4.2 0Z",
  square: "M-3.8-3.8H3.8V3.8H-3.8Z",
  triangle: "M0-4.8L4.7 3.6H-4.7Z",
  diamond: "M0-5.2L4.6 0L0 5.2L-4.6 0Z",
  cross: "M-1.5-4.6H1.5V-1.5H4.6V1.5H1.5V4.6H-1.5V1.5H-4.6V-1.5H-1.5Z",
  wedge: "M0 4.8L4.7-3.6H-4.7Z",
  hexagon: "M-4.6 0L-2.3-4H2.3L4.6 0L2.3 4H-2.3Z",
} as const;

export type Glyph = keyof typeof GLYPHS;

const GLYPH_ORDER = Object.keys(GLYPHS) as Glyph[];
const DASH_ORDER = ["", "7 3", "2 3", "9 3 2 3", "12 4", "4 2"] as const;

/** Distinct for the first 42 members of a family: 6 dash patterns and 7 shapes have no common divisor. */
export function strokeOf(position: number): { dash: string; glyph: Glyph } {
  return {
    dash: DASH_ORDER[position % DASH_ORDER.length] ?? "",
    glyph: GLYPH_ORDER[position % GLYPH_ORDER.length] ?? "circle",
  };
}
