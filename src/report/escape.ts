/**
 * Text from specs, data and models is hostile until it has passed here: control and direction characters become visible,
 * markup becomes text. `html` templates escape every interpolation that is not itself `Html`.
 */
export interface Html {
  readonly html: string;
}

export type Part = string | number | Html | null | undefined | false | readonly Part[];

export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return raw(strings.reduce((text, literal, i) => text + render(parts[i - 1]) + literal));
}

/** Markup that this package wrote itself. */
export function raw(markup: string): Html {
  return { html: markup };
}

/** A name in its own direction, so that a right-to-left name cannot reorder what stands beside it. */
export function isolated(text: string): Html {
  return html`<bdi>${text}</bdi>`;
}

/** Several lines of text, breaks and tabs kept. */
export function multiline(text: string): Html {
  return raw(escapeMarkup(visibleText(text)));
}

/** One line: controls, direction marks and unpaired surrogates made visible, breaks and tabs too. */
export function visibleLine(text: string): string {
  return visibleText(text).replace(/[\n\t]/g, symbolOf);
}

/** Like {@link visibleLine}, but line breaks and tabs stay what they are. */
export function visibleText(text: string): string {
  return text
    .replace(/\p{Surrogate}/gu, "\uFFFD")
    .replace(/\r\n/g, "\n")
    .replace(HIDDEN, symbolOf);
}

/** At most `max` user-perceived characters, the last replaced by an ellipsis when some are left out. */
export function clipped(text: string, max: number): string {
  const letters = graphemes(text);
  return letters.length <= max ? text : `${letters.slice(0, Math.max(1, max - 1)).join("")}…`;
}

/** Like {@link clipped}, but leaves out the middle: names tend to differ at their ends. */
export function clippedMiddle(text: string, max: number): string {
  const letters = graphemes(text);
  const tail = Math.floor((max - 1) / 2);
  return letters.length <= max ? text : `${letters.slice(0, max - 1 - tail).join("")}…${letters.slice(-tail).join("")}`;
}

export function graphemes(text: string): string[] {
  return Array.from(SEGMENTER.segment(text), (part) => part.segment);
}

const SEGMENTER = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Controls but tab and newline; direction marks, embeddings and isolates; line and paragraph separators; the byte order mark. */
const HIDDEN = /(?![\n\t])\p{Cc}|[\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

/** As in source code, because every font has these letters: \x1b, \u202e. */
function symbolOf(character: string): string {
  const code = character.charCodeAt(0).toString(16);
  return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`;
}

function render(part: Part): string {
  if (part === null || part === undefined || part === false) return "";
  if (typeof part === "number") return String(part);
  if (typeof part === "string") return escapeMarkup(visibleLine(part));
  return "html" in part ? part.html : part.map(render).join("");
}

function escapeMarkup(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
