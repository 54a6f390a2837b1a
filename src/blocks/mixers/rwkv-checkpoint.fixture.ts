/** RWKV checkpoints in the GGML container of rwkv.cpp: parameters by the authors' names, and as the parameters of a spec. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect } from "vitest";

const folder = resolve(import.meta.dirname, "../../../../shared/data/checkpoints/rwkv");
/** Why there is nothing to load, or undefined where there is. */
export const checkpointsMissing = existsSync(folder) ? undefined : `no checkpoints at ${folder}`;
export const checkpointPath = (name: string): string => resolve(folder, `tiny-rwkv-${name}-FP32.bin`);
/** The prompt behind which the logits are known, as ids. */
export const promptBytes: readonly number[] = [...Buffer.from('"in')];

/** Logits of the byte after the prompt, as published with the checkpoint in f32. */
export function expectLogits(logits: Float64Array, name: string): void {
  const bytes = readFileSync(resolve(folder, `expected-logits-${name}.bin`));
  const expected = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const largest = Math.max(...expected.map(Math.abs));
  const worst = Math.max(...expected.map((value, i) => Math.abs(value - logits[i]!)));
  expect(worst / largest).toBeLessThan(1e-5);
}

/** Row-major numbers with PyTorch's shape. */
export interface Stored {
  shape: readonly number[];
  data: Float32Array;
}

export interface RwkvFile {
  vocabulary: number;
  width: number;
  layers: number;
  tensors: ReadonlyMap<string, Stored>;
}

/** int32 header, then until the end: dimensions, key length, type, shape (fastest axis first), key, f32 data. */
export function readRwkvFile(path: string): RwkvFile {
  const bytes = readFileSync(path);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const int = () => {
    at += 4;
    return view.getInt32(at - 4, true);
  };
  const [magic, version, vocabulary, width, layers] = [int(), int(), int(), int(), int(), int()];
  if (magic !== 0x67676d66 || (version !== 100 && version !== 101)) throw new Error(`${path} is no RWKV checkpoint`);
  const tensors = new Map<string, Stored>();
  while (at < bytes.length) {
    const [dimensions, keyLength, type] = [int(), int(), int()];
    if (type !== 0) throw new Error(`${path}: only f32 is read`);
    const shape = Array.from({ length: dimensions! }, int).reverse();
    const name = bytes.toString("utf8", at, at + keyLength!);
    at += keyLength!;
    const size = shape.reduce((product, dim) => product * dim, 1);
    tensors.set(name, {
      shape,
      data: Float32Array.from({ length: size }, (_, i) => view.getFloat32(at + 4 * i, true)),
    });
    at += 4 * size;
  }
  return { vocabulary: vocabulary!, width: width!, layers: layers!, tensors };
}

/** Each parameter's values by the path it has in a spec of alternating time and channel mixes. */
export type Parameters = Map<string, Float32Array>;
type Names = Readonly<Record<string, string>>;

const transposed = ({ shape, data }: Stored): Float32Array => {
  const [rows, columns] = shape as [number, number];
  return data.map((_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!);
};
const mapped = (change: (value: number) => number) => (x: Stored) => x.data.map(change);
const plain = ({ data }: Stored) => data;
const complement = mapped((value) => 1 - value);

/** What a version's two mixes read: our name → theirs, with how the numbers change. */
type Rules = readonly (readonly [Names, (x: Stored) => Float32Array])[];

const channel: Rules = [
  [{ mixK: "ffn.time_mix_k", mixR: "ffn.time_mix_r" }, complement],
  [{ k: "ffn.key.weight", r: "ffn.receptance.weight", v: "ffn.value.weight" }, transposed],
];
const projections = {
  r: "att.receptance.weight",
  k: "att.key.weight",
  v: "att.value.weight",
  out: "att.output.weight",
};
const headNorm = { normGain: "att.ln_x.weight", normOffset: "att.ln_x.bias" };

/** RWKV-4's file has −e^decay, RWKV-5's exp(−e^decay). */
const rules4 = {
  time: [
    [{ mixR: "att.time_mix_r", mixK: "att.time_mix_k", mixV: "att.time_mix_v" }, complement],
    [projections, transposed],
    [{ bonus: "att.time_first" }, plain],
    [{ decay: "att.time_decay" }, mapped((rate) => Math.log(-rate))],
  ] satisfies Rules,
  channel,
};
const rules5 = {
  time: [
    [{ mixR: "att.time_mix_r", mixK: "att.time_mix_k", mixV: "att.time_mix_v", mixG: "att.time_mix_g" }, complement],
    [{ ...projections, gate: "att.gate.weight" }, transposed],
    [{ ...headNorm, bonus: "att.time_faaaa" }, plain],
    [{ decay: "att.time_decay" }, mapped((kept) => Math.log(-Math.log(kept)))],
  ] satisfies Rules,
  channel,
};
/** One of the six stacked mixes r, w, k, v, a, g. */
const mixAt =
  (index: number) =>
  ({ shape, data }: Stored): Float32Array =>
    data.slice(index * shape[2]!, (index + 1) * shape[2]!);
const low = (ours: string, theirs: string): Names => ({
  [`${ours}Down`]: `att.${theirs}1`,
  [`${ours}Up`]: `att.${theirs}2`,
});
const rules7 = {
  time: [
    ...["mixR", "mixW", "mixK", "mixV", "mixA", "mixG"].map(
      (name, i) => [{ [name]: "att.x_rwkvag" }, mixAt(i)] as const,
    ),
    [
      { ...projections, ...low("decay", "w"), ...low("rate", "a"), ...low("gate", "g"), ...low("value", "v") },
      transposed,
    ],
    [{ ...headNorm, decay: "att.w0", rate: "att.a0", value: "att.v0" }, plain],
    [{ removed: "att.k_k", slowed: "att.k_a", bonus: "att.r_k" }, plain],
  ] satisfies Rules,
  channel: [
    [{ mixK: "ffn.x_k" }, plain],
    [{ k: "ffn.key.weight", v: "ffn.value.weight" }, transposed],
  ] satisfies Rules,
};
export const rulesOf = { "rwkv-4": rules4, "rwkv-5": rules5, "rwkv-7": rules7 } as const;

/** Every parameter of the spec; the norm over embeddings (ln0) is worked into their table. */
export function parametersOf(file: RwkvFile, version: keyof typeof rulesOf): Parameters {
  const { tensors, layers } = file;
  const found: Parameters = new Map();
  const put = (path: string, { from, rules }: { from: string; rules: Rules }) => {
    for (const [names, change] of rules)
      for (const [ours, theirs] of Object.entries(names)) {
        const stored = tensors.get(`${from}${theirs}`);
        if (stored) found.set(`${path}.${ours}`, change(stored));
      }
  };
  const norm = (name: string): Rules => [[{ gain: `${name}.weight`, bias: `${name}.bias` }, plain]];
  for (let layer = 0; layer < layers; layer++) {
    const from = `blocks.${layer}.`;
    put(`layers.${2 * layer}.mixer`, { from, rules: rulesOf[version].time });
    put(`layers.${2 * layer}.mixerNorm`, { from, rules: norm("ln1") });
    put(`layers.${2 * layer + 1}.mixer`, { from, rules: rulesOf[version].channel });
    put(`layers.${2 * layer + 1}.mixerNorm`, { from, rules: norm("ln2") });
  }
  put("norm", { from: "", rules: norm("ln_out") });
  put("head", { from: "", rules: [[{ out: "head.weight" }, transposed]] });
  found.set("embedding.table", normedRows(file));
  return found;
}

function normedRows({ tensors, width }: RwkvFile): Float32Array {
  const [table, gain, bias] = ["emb.weight", "blocks.0.ln0.weight", "blocks.0.ln0.bias"].map(
    (name) => tensors.get(name)!.data,
  ) as [Float32Array, Float32Array, Float32Array];
  const rows = new Float32Array(table.length);
  for (let start = 0; start < table.length; start += width) {
    const row = table.subarray(start, start + width);
    const mean = row.reduce((sum, value) => sum + value, 0) / width;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width;
    row.forEach((value, i) => {
      rows[start + i] = ((value - mean) / Math.sqrt(variance + 1e-5)) * gain[i]! + bias[i]!;
    });
  }
  return rows;
}
