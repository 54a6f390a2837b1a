import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { decodeSafetensors, numbersOf, type StoredTensors } from "../../checkpoints/index.ts";
import { type DType, fail, input, type Tensor } from "../../tensor/index.ts";

/** The precision in which the source computed the case; it decides how closely to agree. */
export type Computed = "float64" | "float32" | "bfloat16";

/** One stored case: tensors, settings, and leaves of a graph named like the stored tensors. */
export class GoldenCase {
  readonly kind: string;
  readonly component: string;
  readonly name: string;
  /** Folder that holds the case's file (for `hf` it is a model folder). */
  readonly folder: string;
  readonly stored: StoredTensors;
  readonly config: Readonly<Record<string, unknown>>;
  readonly computed: Computed;
  /** Facts a reader needs: sign conventions, where a bias enters, which axis is time. */
  readonly notes: string;
  private readonly made = new Map<string, Tensor>();

  constructor({ kind, component, name, path }: { kind: string; component: string; name: string; path: string }) {
    const { tensors, metadata } = decodeSafetensors(readFileSync(path), path);
    this.kind = kind;
    this.component = component;
    this.name = name;
    this.folder = dirname(path);
    this.stored = tensors;
    this.config = JSON.parse(metadata.config ?? "{}") as Record<string, unknown>;
    this.computed = (metadata.computed ?? "float64") as Computed;
    this.notes = metadata.notes ?? "";
  }

  /** Leaves made so far, by name: what has to be fed. */
  get leaves(): ReadonlyMap<string, Tensor> {
    return this.made;
  }

  has(name: string): boolean {
    return name in this.stored;
  }

  /** The leaf that stands for a stored tensor: floats as f32, integers as i32. */
  tensor(name: string): Tensor {
    const known = this.made.get(name);
    if (known) return known;
    const { shape, dtype } = this.entry(name);
    const leaf = input(name, shape, dtypeOf(dtype));
    this.made.set(name, leaf);
    return leaf;
  }

  /** The leaf of a stored tensor, undefined where the case has none. */
  maybe(name: string): Tensor | undefined {
    return this.has(name) ? this.tensor(name) : undefined;
  }

  /** A stored 0/1 tensor as bool. */
  mask(name: string): Tensor {
    return this.tensor(name).cast("bool");
  }

  /** A stored tensor's elements, for what decides the graph itself. */
  values(name: string): Float64Array {
    return numbersOf(this.entry(name), name);
  }

  /** Names of stored tensors with this prefix, sorted. */
  names(prefix: string): string[] {
    return Object.keys(this.stored)
      .filter((name) => name.startsWith(prefix))
      .sort();
  }

  number(key: string, fallback?: number): number {
    const value = this.config[key] ?? fallback;
    return typeof value === "number" ? value : this.badSetting(key, "a number");
  }

  /** A number or a list of numbers, as a list. */
  list(key: string, fallback?: readonly number[]): number[] {
    const value = this.config[key] ?? fallback;
    const list: unknown[] = Array.isArray(value) ? value : [value];
    return list.every((item) => typeof item === "number") ? list : this.badSetting(key, "numbers");
  }

  flag(key: string, fallback = false): boolean {
    const value = this.config[key] ?? fallback;
    return typeof value === "boolean" ? value : this.badSetting(key, "true or false");
  }

  text(key: string, fallback?: string): string {
    const value = this.config[key] ?? fallback;
    return typeof value === "string" ? value : this.badSetting(key, "a string");
  }

  private entry(name: string) {
    return (
      this.stored[name] ??
      fail({
        code: "E_GOLDEN",
        where: this.label,
        expected: `a tensor ${name}`,
        got: Object.keys(this.stored).join(", "),
      })
    );
  }

  private badSetting(key: string, expected: string): never {
    return fail({
      code: "E_GOLDEN",
      where: `${this.label} config.${key}`,
      expected,
      got: JSON.stringify(this.config[key]),
    });
  }

  get label(): string {
    return `${this.kind}/${this.component}/${this.name}`;
  }
}

const dtypeOf = (stored: string): DType => (/^(F|BF)/.test(stored) ? "f32" : "i32");
