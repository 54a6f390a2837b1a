/** Half-precision floats as raw 16-bit words → float32. Every value of both formats is a float32, so nothing is rounded. */

/** IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. */
export const float16ToFloat32 = (words: Uint16Array): Float32Array => Float32Array.from(words, float16);

/** bfloat16: the upper half of a float32. */
export function bfloat16ToFloat32(words: Uint16Array): Float32Array {
  const bits = Uint32Array.from(words, (word) => word << 16);
  return new Float32Array(bits.buffer);
}

function float16(word: number): number {
  const sign = word & 0x8000 ? -1 : 1;
  const exponent = (word >> 10) & 0x1f;
  const fraction = word & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
