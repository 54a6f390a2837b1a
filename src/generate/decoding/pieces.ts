/** Part of the prompts of a batch, right-padded to one length. */
export interface Piece {
  /** T, a bucket length. */
  length: number;
  /** B × T, zero behind a prompt's end. */
  ids: Int32Array;
  /** Real tokens of each sequence. */
  counts: Int32Array;
}

const shortest = 16;
const longest = 1024;

/** The length to which so many tokens are padded: a power of two, so that few programs are compiled. */
export function bucketFor(tokens: number, limit = Number.POSITIVE_INFINITY): number {
  return Math.min(limit, Math.max(shortest, 2 ** Math.ceil(Math.log2(tokens))));
}

/** Cuts prompts into pieces of at most 1,024 tokens. */
export function piecesOf(prompts: readonly Int32Array[], limit: number): Piece[] {
  const total = Math.max(...prompts.map((prompt) => prompt.length));
  const pieces: Piece[] = [];
  for (let start = 0; start < total; start += longest)
    pieces.push(
      piece(
        prompts.map((prompt) => prompt.subarray(start, start + longest)),
        limit,
      ),
    );
  return pieces;
}

function piece(parts: readonly Int32Array[], limit: number): Piece {
  const length = bucketFor(Math.max(...parts.map((part) => part.length)), limit);
  const ids = new Int32Array(parts.length * length);
  parts.forEach((part, row) => void ids.set(part, row * length));
  return { length, ids, counts: Int32Array.from(parts, (part) => part.length) };
}
