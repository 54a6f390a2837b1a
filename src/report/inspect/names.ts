/** How paths and tokens are called on pages. */
import type { Piece } from "../../analysis/index.ts";
import { clipped, visibleLine } from "../escape.ts";

/** `layers.2.stream` → "layer 2", `encoder.layers.0.mixer.weights_BHTS` → "encoder layer 0", `embedding.stream` → "embedding". */
export function layerName(path: string): string {
  const encoder = path.startsWith("encoder.") ? "encoder " : "";
  const layer = /(?:^|\.)layers\.(\d+)/.exec(path)?.[1];
  return layer === undefined ? `${encoder}${path.replace(/^encoder\./, "").split(".")[0]}` : `${encoder}layer ${layer}`;
}

/** The part of a layer: "mixer", "cross", "channel"; the whole path of parts outside layers. */
export const partName = (path: string): string => /layers\.\d+\.([^./]+)/.exec(path)?.[1] ?? path.split("/")[0]!;

const spaces: Readonly<Record<string, string>> = { " ": "␣", "\n": "↵", "\t": "⇥" };

/** A token in one short word: spaces and line breaks are drawn; parts of a character are known by their id. */
export function tokenText({ id, text }: Piece, most = 10): string {
  const drawn = visibleLine(text.replace(/[ \n\t]/g, (space) => spaces[space]!));
  return drawn === "" || drawn === "\uFFFD" ? `#${id}` : clipped(drawn, most);
}
