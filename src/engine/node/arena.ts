import { fail, sizeOf } from "../../tensor/index.ts";
import type { TrainedParameter } from "../engine.ts";
import type { UpdateKernel } from "../kernels/update.ts";

const page = 65536;
const floatsPerVector = 4;
const largestBytes = 2 ** 32 - page;

/** A run of parameters with equal group scalars: updated by one kernel call. */
interface Group {
  /** Floats from the start of each region. */
  start: number;
  length: number;
  scalars: Readonly<Record<string, number>>;
}

interface Kernels {
  update(bytes: number, ...addressesAndScalars: number[]): void;
  sumSquares(address: number, bytes: number): number;
}

/**
 * Parameters, gradients and optimizer slots of a model in one WebAssembly memory: regions of equal layout, one after the
 * other (parameters, gradients, slot 0, …). Sessions read and write views of it; kernels update it in place.
 */
export class Arena {
  readonly views: ReadonlyMap<string, { parameter: Float32Array; gradient: Float32Array }>;
  private readonly memory: WebAssembly.Memory;
  private readonly kernels: Kernels;
  private readonly kernel: UpdateKernel;
  private readonly groups: readonly Group[];
  private readonly offsets: ReadonlyMap<string, { start: number; length: number }>;
  /** Floats of one region. */
  private readonly region: number;

  constructor(parameters: readonly TrainedParameter[], kernel: UpdateKernel) {
    const { offsets, groups, floats } = layout(parameters);
    this.kernel = kernel;
    this.offsets = offsets;
    this.groups = groups;
    this.region = floats;
    this.memory = allocate((2 + kernel.slots.length) * floats * 4);
    const module = new WebAssembly.Module(kernel.module);
    const instance = new WebAssembly.Instance(module, { env: { memory: this.memory } });
    this.kernels = instance.exports as unknown as Kernels;
    this.views = new Map(
      parameters.map(({ name }) => [name, { parameter: this.view(name, 0), gradient: this.view(name, 1) }]),
    );
    for (const { name, value } of parameters) this.view(name, 0).set(value);
  }

  /** Global L2 norm of the gradients. */
  gradNorm(): number {
    return Math.sqrt(this.kernels.sumSquares(this.region * 4, this.region * 4));
  }

  /** Applies the update rule in place; `scalars` are joined by those of each group. */
  update(scalars: Readonly<Record<string, number>>): void {
    const regions = Array.from({ length: 2 + this.kernel.slots.length }, (_, i) => i * this.region);
    for (const { start, length, scalars: own } of this.groups) {
      const values = this.kernel.scalars.map((name) => scalarOf(name, { ...scalars, ...own }));
      this.kernels.update(length * 4, ...regions.map((region) => (region + start) * 4), ...values);
    }
  }

  /** One tensor's floats in a region: 0 parameters, 1 gradients, 2 + i slot i. */
  view(name: string, region: number): Float32Array {
    const { start, length } = this.offsets.get(name)!;
    return new Float32Array(this.memory.buffer, (region * this.region + start) * 4, length);
  }

  names(): string[] {
    return [...this.offsets.keys()];
  }
}

function scalarOf(name: string, scalars: Readonly<Record<string, number>>): number {
  const value = scalars[name];
  if (value === undefined)
    fail({ code: "E_SCALAR", where: "trainer.step", expected: `a number for "${name}"`, got: Object.keys(scalars).join(", ") });
  return value;
}

function layout(parameters: readonly TrainedParameter[]) {
  const byScalars = groupBy(parameters, ({ scalars }) => JSON.stringify(scalars));
  const offsets = new Map<string, { start: number; length: number }>();
  const groups: Group[] = [];
  let floats = 0;
  for (const members of byScalars.values()) {
    const start = floats;
    for (const { name, shape } of members) {
      offsets.set(name, { start: floats, length: sizeOf(shape) });
      floats += Math.ceil(sizeOf(shape) / floatsPerVector) * floatsPerVector;
    }
    groups.push({ start, length: floats - start, scalars: members[0]!.scalars });
  }
  return { offsets, groups, floats };
}

function allocate(bytes: number): WebAssembly.Memory {
  if (bytes > largestBytes)
    fail({ code: "E_MEMORY", where: "trainer", expected: "parameters, gradients and optimizer state within 4 GiB", got: `${(bytes / 2 ** 30).toFixed(1)} GiB`, hint: "Use a smaller model or an optimizer with less state." });
  const pages = Math.ceil(bytes / page);
  return new WebAssembly.Memory({ initial: pages, maximum: pages });
}

/** `Map.groupBy`, which Node 20 lacks. */
function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
