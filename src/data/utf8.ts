/** Where a text stops being UTF-8. */

/** Offset of the first byte that begins no valid character (RFC 3629, table of section 4), or undefined. */
export function maybeInvalidUtf8(bytes: Uint8Array): number | undefined {
  for (let i = 0; i < bytes.length; ) {
    const size = characterBytes(bytes, i);
    if (size === 0) return i;
    i += size;
  }
  return undefined;
}

/** Bytes of the valid character at `i`, or 0. */
function characterBytes(bytes: Uint8Array, i: number): number {
  const lead = bytes[i]!;
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  for (let k = 1; k < size; k++) if (((bytes[i + k] ?? 0) & 0xc0) !== 0x80) return 0;
  return isShortest(lead, bytes[i + 1]!) ? size : 0;
}

/** Excludes longer spellings of shorter characters, surrogates, and what lies beyond U+10FFFF. */
function isShortest(lead: number, second: number): boolean {
  if (lead === 0xe0) return second >= 0xa0;
  if (lead === 0xed) return second < 0xa0;
  if (lead === 0xf0) return second >= 0x90;
  if (lead === 0xf4) return second < 0x90;
  return true;
}
