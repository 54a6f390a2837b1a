/** A fenced block of code. */
export interface Block {
  /** First word of the info string: `sh`, `ts`; empty when there is none. */
  language: string;
  /** Further words of the info string. */
  flags: string[];
  text: string;
  /** Line of the opening fence, from 1. */
  line: number;
}

export interface Link {
  target: string;
  line: number;
}

/** Fenced blocks in order. Throws where a fence is not closed. */
export function blocks(markdown: string): Block[] {
  const found: Block[] = [];
  let open: { fence: string; block: Block } | undefined;
  for (const [index, line] of markdown.split("\n").entries()) {
    const [, fence = "", info = ""] = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line) ?? [];
    if (open === undefined && fence !== "") {
      const [language = "", ...flags] = info.trim().split(/\s+/);
      open = { fence, block: { language, flags, text: "", line: index + 1 } };
    } else if (open !== undefined && fence.startsWith(open.fence) && info.trim() === "") {
      found.push(open.block);
      open = undefined;
    } else if (open !== undefined) open.block.text += `${line}\n`;
  }
  if (open !== undefined) throw new Error(`line ${open.block.line}: the code block is not closed`);
  return found;
}

/** Targets of links, images, reference definitions and HTML attributes outside code. */
export function links(markdown: string): Link[] {
  const patterns = [
    /\]\(\s*<?([^)\s>]+)>?[^)]*\)/g,
    /^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)/g,
    /(?:href|src|srcset)="([^"\s]+)[^"]*"/g,
  ];
  return prose(markdown).flatMap((text, index) =>
    patterns.flatMap((pattern) =>
      [...text.matchAll(pattern)].map((match) => ({ target: match[1] ?? "", line: index + 1 })),
    ),
  );
}

/** Fragments that the headings and `id`s of a document answer to, as GitHub makes them. */
export function anchors(markdown: string): Set<string> {
  const found = new Set<string>();
  const uses = new Map<string, number>();
  for (const [index, text] of prose(markdown).entries()) {
    for (const [, id = ""] of text.matchAll(/\b(?:id|name)="([^"]+)"/g)) found.add(id);
    if (!/^ {0,3}#{1,6}\s/.test(text)) continue;
    const slug = slugOf(markdown.split("\n")[index] ?? "");
    const count = uses.get(slug) ?? 0;
    uses.set(slug, count + 1);
    found.add(count === 0 ? slug : `${slug}-${count}`);
  }
  return found;
}

function slugOf(heading: string): string {
  const text = heading
    .replace(/^ *#+\s+/, "")
    .replace(/\s+#*\s*$/, "")
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
  return text
    .toLowerCase()
    .replace(/<[^>]*>/g, "")
    .replace(/[^\p{L}\p{N}\p{M} _-]/gu, "")
    .replaceAll(" ", "-");
}

/** The lines with fenced blocks and code spans blanked. */
function prose(markdown: string): string[] {
  const lines = markdown.split("\n");
  for (const { line, text } of blocks(markdown)) lines.fill("", line - 1, line + text.split("\n").length);
  return lines.map((text) => text.replace(/(`+)(?!`).*?[^`]\1(?!`)/g, ""));
}
