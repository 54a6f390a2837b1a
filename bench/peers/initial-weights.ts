/** Initial weights of the Node peers, from a fixed seed: normal, with the deviation of PyTorch's embeddings. */
const std = 0.02;

/** How a parameter starts. */
export type Start = "normal" | "ones" | "zeros";

/** Draws arrays in the order in which they are asked for; the same calls give the same weights. */
export function weightSource(): (size: number, start: Start) => Float32Array {
  let value = 12345;
  const uniform = () => {
    value = (Math.imul(1664525, value) + 1013904223) >>> 0;
    return (value + 0.5) / 2 ** 32;
  };
  const normal = () => std * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  const draw = { normal, ones: () => 1, zeros: () => 0 };
  return (size, start) => Float32Array.from({ length: size }, draw[start]);
}
