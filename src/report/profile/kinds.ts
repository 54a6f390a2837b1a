/** What kernels do, in few words and colours. */
export const kernelKinds = {
  product: { title: "matrix products", color: "var(--attention)" },
  reduction: { title: "softmax, norms, sums", color: "var(--linear-attention)" },
  elementwise: { title: "elementwise", color: "var(--state-space)" },
  movement: { title: "moving data", color: "var(--other)" },
  scan: { title: "scans", color: "var(--xlstm)" },
} as const;

export type KernelKind = keyof typeof kernelKinds;

const patterns: readonly (readonly [KernelKind, RegExp])[] = [
  ["product", /^(Fused)?(MatMul|Gemm|Conv|ConvTranspose)$|Attention$/],
  ["scan", /^(Scan|Loop|If)$/],
  ["reduction", /^Reduce|Softmax$|Normalization$|^CumSum$|^(Arg(Max|Min)|TopK|Sum)$/],
  [
    "movement",
    /^(Reshape|Transpose|Slice|Split|Concat|Gather|GatherElements|Scatter\w*|Pad|Expand|Identity|Cast|Squeeze|Unsqueeze|Memcpy\w*|Tile)$/,
  ],
];

/** By the name of ONNX's op; what is none of the others works element by element. */
export const kindOf = (op: string): KernelKind =>
  patterns.find(([, pattern]) => pattern.test(op))?.[0] ?? "elementwise";
