import type { Tensor as OrtTensor } from "onnxruntime-web";
import { type DType, fail, type Shape, type Tensor, type TensorData } from "../../tensor/index.ts";
import { appendEntries } from "../append.ts";
import type { Append, Values } from "../engine.ts";
import type { Runtime } from "./runtime.ts";
import { dataOf, release, toOrt } from "./values.ts";

/** The values that programs of one web engine find under their names; each name owns its value. */
export class WebResidents {
  private readonly ort: Runtime;
  private readonly held = new Map<string, OrtTensor>();

  constructor(ort: Runtime) {
    this.ort = ort;
  }

  put(name: string, { data, ...type }: { data: TensorData; shape: Shape; dtype: DType }): void {
    this.replace(name, toOrt(this.ort, data, type));
  }

  /** Takes a value over from a run; the one before it is freed unless another name has it too. */
  replace(name: string, value: OrtTensor): void {
    const before = this.held.get(name);
    this.held.set(name, value);
    if (before !== undefined) release([before], this.held.values());
  }

  drop(names: readonly string[]): void {
    const dropped = names.flatMap((name) => this.held.get(name) ?? []);
    for (const name of names) this.held.delete(name);
    release(dropped, this.held.values());
  }

  clear(): void {
    this.drop([...this.held.keys()]);
  }

  /** How many there are, and their bytes. */
  usage(): { residents: number; residentBytes: number } {
    const bytes = [...this.held.values()].map(({ size, type }) => size * (type === "bool" ? 1 : 4));
    return { residents: bytes.length, residentBytes: bytes.reduce((sum, each) => sum + each, 0) };
  }

  /** A copy. Throws E_RESIDENT where there is none. */
  async read(name: string): Promise<TensorData> {
    return (await dataOf(this.find(name))).slice();
  }

  /** What an input is fed: the given value, else the resident one. Throws E_FEED where there is neither. */
  feed(name: string, leaf: Tensor, feeds: Values): OrtTensor {
    const given = feeds[name];
    const value = given === undefined ? this.held.get(name) : toOrt(this.ort, given, leaf);
    if (value !== undefined) return value;
    return fail({
      code: "E_FEED",
      where: `input "${name}"`,
      expected: `a value of shape [${leaf.shape.join(", ")}]`,
      got: "none",
    });
  }

  async append(entries: OrtTensor, { resident, ...where }: Append): Promise<void> {
    const buffer = this.find(resident);
    const [to, from] = [await dataOf(buffer), await dataOf(entries)];
    appendEntries({ data: to, shape: buffer.dims }, { data: from, shape: entries.dims }, where);
  }

  private find(name: string): OrtTensor {
    return this.held.get(name) ?? fail({ code: "E_RESIDENT", where: name, expected: "a resident value", got: "none" });
  }
}
