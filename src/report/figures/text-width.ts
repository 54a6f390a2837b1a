/** Estimated width of a text in the figures' typeface (Helvetica metrics), in pixels: nothing is measured in a browser here. */
import { graphemes } from "../escape.ts";

export function textWidth(text: string, size: number): number {
  return graphemes(text).reduce((sum, letter) => sum + emOf(letter), 0) * size;
}

function emOf(letter: string): number {
  if (/^[ijltfrI.,:;'|!()[\]\- ]/.test(letter)) return 0.31;
  if (/^[mwMW@%—⟨⟩]/.test(letter)) return 0.87;
  if (/^[A-Z]/.test(letter)) return 0.69;
  return /^[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60\u{1f300}-\u{1faff}]/u.test(letter)
    ? 1.05
    : 0.56;
}
